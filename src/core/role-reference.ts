/**
 * What an operator may write where a role is expected: a full role ARN, or
 * `[path/]name[@account]`, where the account is twelve digits or one of the
 * configured `accounts` names. Without an account it is read in the host's own.
 *
 * A role whose *name* contains "@" can only be written as an ARN: "@" always starts the account.
 *
 * Limits: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 * Characters: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
 */
export type RoleReference =
  | {
      readonly kind: "arn";
      /** "aws", "aws-cn", "aws-us-gov", ... */
      readonly partition: string;
      readonly accountId: string;
      /** Begins and ends with "/"; "/" alone when the role has no path. */
      readonly path: string;
      readonly name: string;
    }
  | {
      readonly kind: "name";
      readonly path: string;
      readonly name: string;
      /** Twelve digits or an account alias; undefined means the host's own account. */
      readonly account?: string;
    };

/** Why a text is no role reference. `reason` completes the sentence "…, because …". */
export interface RoleReferenceError {
  readonly kind: "bad-role-reference";
  readonly text: string;
  readonly reason: string;
}

const ROLE_ARN = /^arn:(?<partition>aws(?:-[a-z]+)*):iam::(?<accountId>\d{12}):role(?<rest>\/.+)$/;
const ROLE_NAME = /^[\w+=,.@-]{1,64}$/;
/** Printable ASCII between slashes: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html (Path). */
const ROLE_PATH = /^\/(?:[!-.0-~]+\/)*$/;
const MAX_PATH_LENGTH = 512;
/** More than an ARN with the longest path and name has; a pattern is not held against what is longer: one of megabytes exhausts its stack. */
const MAX_LENGTH = 1_024;
const ACCOUNT = /^[\w.-]{1,64}$/;

/** Total: every string is a reference or a named error. Never throws, never trims. */
export function parseRoleReference(text: string): RoleReference | RoleReferenceError {
  if (text === "") return bad(text, "it is empty");
  if (text.length > MAX_LENGTH) return bad(text, `it has ${text.length} characters, and no role has ${MAX_LENGTH}`);
  if (/\s/.test(text)) return bad(text, "it contains white space");
  return text.startsWith("arn:") ? parseArn(text) : parseName(text);
}

function parseArn(text: string): RoleReference | RoleReferenceError {
  const { partition, accountId, rest } = ROLE_ARN.exec(text)?.groups ?? {};
  if (!partition || !accountId || !rest) {
    return bad(text, "an ARN of a role reads arn:PARTITION:iam::TWELVE-DIGITS:role/[PATH/]NAME");
  }
  const { path, name } = splitPath(rest);
  return badPathOrName(text, { path, name }) ?? { kind: "arn", partition, accountId, path, name };
}

function parseName(text: string): RoleReference | RoleReferenceError {
  const at = text.lastIndexOf("@");
  const [role, account] = at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
  if (account !== undefined && !ACCOUNT.test(account)) {
    return bad(text, "what follows the @ must be a twelve-digit account or an account alias");
  }
  const { path, name } = splitPath(`/${role}`);
  const error = badPathOrName(text, { path, name });
  return error ?? { kind: "name", path, name, ...(account !== undefined && { account }) };
}

function badPathOrName(text: string, { path, name }: { path: string; name: string }): RoleReferenceError | undefined {
  if (!ROLE_NAME.test(name)) {
    return bad(text, "a role name has 1 to 64 characters of letters, digits and _+=,.@-");
  }
  // Clients join the name into a URL path, where these two would mean something else.
  if (name === "." || name === "..") return bad(text, `a role cannot be named "${name}"`);
  if (path.length > MAX_PATH_LENGTH) return bad(text, `a role path has at most ${MAX_PATH_LENGTH} characters`);
  if (!ROLE_PATH.test(path)) return bad(text, "a role path is made of names between single slashes");
  return undefined;
}

/** "/team/reader" is path "/team/" and name "reader"; a name alone has path "/". */
function splitPath(rest: string): { path: string; name: string } {
  const slash = rest.lastIndexOf("/") + 1;
  return { path: rest.slice(0, slash), name: rest.slice(slash) };
}

const bad = (text: string, reason: string): RoleReferenceError => ({ kind: "bad-role-reference", text, reason });
