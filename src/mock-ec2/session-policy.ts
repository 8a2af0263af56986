import { malformedPolicy, type StsError } from "./sts-error.ts";

/**
 * What is wrong with an inline session policy, as far as its form goes. The
 * mock has no services to apply it to, so what it allows is not looked at.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export function sessionPolicyError(text: string): StsError | undefined {
  const policy = parsed(text);
  if (policy === undefined) return malformedPolicy("This policy contains invalid Json");
  return isPolicy(policy) ? undefined : malformedPolicy("Syntax errors in policy.");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const POLICY_KEYS = ["Version", "Id", "Statement"];
const STATEMENT_KEYS = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
const VERSIONS: readonly unknown[] = [undefined, "2008-10-17", "2012-10-17"];

function isPolicy(policy: unknown): boolean {
  if (!isRecord(policy) || !onlyHas(policy, POLICY_KEYS) || !VERSIONS.includes(policy["Version"])) return false;
  const statements = [policy["Statement"]].flat();
  return statements.length > 0 && statements.every(isStatement);
}

/** A session policy has no principal: it is the session's own. */
const isStatement = (statement: unknown): boolean =>
  isRecord(statement) &&
  onlyHas(statement, STATEMENT_KEYS) &&
  (statement["Effect"] === "Allow" || statement["Effect"] === "Deny") &&
  hasOne(statement, "Action", "NotAction") &&
  hasOne(statement, "Resource", "NotResource") &&
  (statement["Condition"] === undefined || isRecord(statement["Condition"]));

const hasOne = (statement: Readonly<Record<string, unknown>>, name: string, notName: string): boolean =>
  isTextOrTexts(statement[name]) !== isTextOrTexts(statement[notName]);

const isTextOrTexts = (value: unknown): boolean =>
  typeof value === "string" ||
  (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string"));

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const onlyHas = (record: Readonly<Record<string, unknown>>, keys: readonly string[]): boolean =>
  Object.keys(record).every((key) => keys.includes(key));
