import type { Fault } from "./session-limits.ts";

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html */
export const CURRENT_VERSION = "2012-10-17";

/** An inline session policy: what a session may do is what its role may, less what this does not allow. */
export interface SessionPolicy {
  /** As JSON, without white space between its words: STS counts each character. */
  readonly text: string;
  /** It only takes away: joined to another it cannot add to that. */
  readonly onlyDenies: boolean;
}

/** `isJson` tells STS's two complaints apart. The reason completes "…, because". */
export interface SessionPolicyError {
  readonly kind: "bad-policy";
  readonly isJson: boolean;
  readonly reason: string;
}

/**
 * Its form; what it means is STS's to know. Never throws.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export function parseSessionPolicy(text: string): SessionPolicy | SessionPolicyError {
  try {
    return readSessionPolicy(JSON.parse(text));
  } catch {
    return { kind: "bad-policy", isJson: false, reason: "it is not JSON" };
  }
}

/** The same for one that was read already, e.g. from YAML. */
export function readSessionPolicy(policy: unknown): SessionPolicy | SessionPolicyError {
  const fault = policyFault(policy);
  if (fault !== undefined) return bad(fault);
  const text = JSON.stringify(policy);
  const foreign = [...text].find((character) => !ACCEPTED.test(character));
  if (foreign !== undefined) return bad(`it has the character ${JSON.stringify(foreign)}, which STS does not take`);
  return { text, onlyDenies: statementsOf(policy as Policy).every(({ Effect }) => Effect === "Deny") };
}

/**
 * Both as one: what either denies is denied, what either allows is allowed. So a limit stays one only when the other
 * {@link SessionPolicy.onlyDenies}.
 */
export function joinedPolicies(one: SessionPolicy, other: SessionPolicy): SessionPolicy {
  const all = [one, other].flatMap(({ text }) => statementsOf(JSON.parse(text) as Policy));
  const Statement = all.map(({ Sid: _, ...statement }) => statement); // a Sid may stand in a policy once
  return {
    text: JSON.stringify({ Version: CURRENT_VERSION, Statement }),
    onlyDenies: one.onlyDenies && other.onlyDenies,
  };
}

/** True where a policy is of the version that a joined one has; none written is the older one. */
export const isCurrent = ({ text }: SessionPolicy): boolean => (JSON.parse(text) as Policy).Version === CURRENT_VERSION;

interface Policy {
  readonly Version?: unknown;
  readonly Statement: Statement | readonly Statement[];
}
interface Statement {
  readonly Sid?: unknown;
  readonly Effect: "Allow" | "Deny";
}

const ACCEPTED = /^[\t\n\r -\u00ff]$/;
const POLICY_KEYS = ["Version", "Id", "Statement"];
const STATEMENT_KEYS = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
const VERSIONS: readonly unknown[] = [undefined, "2008-10-17", CURRENT_VERSION];

const bad = (reason: string): SessionPolicyError => ({ kind: "bad-policy", isJson: true, reason });

const statementsOf = ({ Statement }: Policy): readonly Statement[] => [Statement].flat() as readonly Statement[];

function policyFault(policy: unknown): Fault {
  if (!isRecord(policy)) return "a policy is an object with Version and Statement";
  const strange = strangerIn(policy, POLICY_KEYS);
  if (strange !== undefined) return `a policy has no "${strange}"`;
  if (!VERSIONS.includes(policy["Version"])) return `a policy's Version is "${CURRENT_VERSION}"`;
  const statements = [policy["Statement"]].flat();
  if (policy["Statement"] === undefined || statements.length === 0) return "a policy needs a Statement";
  return statements.map(statementFault).find((fault) => fault !== undefined);
}

/** A session policy has no principal: it is the session's own. */
function statementFault(statement: unknown, index: number): Fault {
  const name = `its statement ${index + 1}`;
  if (!isRecord(statement)) return `${name} is no object`;
  const strange = strangerIn(statement, STATEMENT_KEYS);
  if (strange !== undefined) return `${name} has "${strange}", which a session policy cannot`;
  if (statement["Effect"] !== "Allow" && statement["Effect"] !== "Deny")
    return `${name} needs Effect "Allow" or "Deny"`;
  if (!hasOne(statement, "Action", "NotAction")) return `${name} needs Action or NotAction, a text or a list of them`;
  if (!hasOne(statement, "Resource", "NotResource"))
    return `${name} needs Resource or NotResource, a text or a list of them`;
  const { Condition } = statement;
  return Condition === undefined || isRecord(Condition) ? undefined : `${name} has a Condition that is no object`;
}

const hasOne = (statement: Readonly<Record<string, unknown>>, name: string, notName: string): boolean =>
  isTextOrTexts(statement[name]) !== isTextOrTexts(statement[notName]);

const isTextOrTexts = (value: unknown): boolean =>
  typeof value === "string" ||
  (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string"));

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const strangerIn = (record: Readonly<Record<string, unknown>>, keys: readonly string[]): string | undefined =>
  Object.keys(record).find((key) => !keys.includes(key));
