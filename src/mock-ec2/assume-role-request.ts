import { deflateRawSync } from "node:zlib";
import { type Complaint, checkText, type TextRule } from "./constraint.ts";
import { sessionPolicyError } from "./session-policy.ts";
import { isStsError, packedTooLarge, type StsError, validationError } from "./sts-error.ts";

/** AssumeRole's parameters, each within its own limits; whether the caller may is another question. */
export interface AssumeRoleRequest {
  readonly roleArn: string;
  readonly sessionName: string;
  readonly durationSeconds: number;
  readonly externalId?: string | undefined;
  readonly sourceIdentity?: string | undefined;
  readonly policyArns: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  /** Each is a key of `tags`, or one that the calling session hands on. */
  readonly transitiveTagKeys: readonly string[];
  /** Undefined when there is nothing to pack: neither a policy nor a tag. */
  readonly packedPolicyPercent?: number;
}

const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const ARN_TEXT = /^[\t\n\r -~\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]+$/u;
const ARN_PATTERN = "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+";
const TAG_PATTERN = "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*";

const SESSION_WORD = { min: 2, max: 64, accepts: /^[\w+=,.@-]*$/, pattern: "[\\w+=,.@-]*" };

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_RequestParameters */
const RULES = {
  RoleArn: { member: "roleArn", required: true, min: 20, max: 2048, accepts: ARN_TEXT, pattern: ARN_PATTERN },
  RoleSessionName: { ...SESSION_WORD, member: "roleSessionName", required: true },
  ExternalId: { member: "externalId", min: 2, max: 1224, accepts: /^[\w+=,.@:/-]*$/, pattern: "[\\w+=,.@:\\/-]*" },
  SourceIdentity: { ...SESSION_WORD, member: "sourceIdentity" },
  Policy: {
    member: "policy",
    min: 1,
    max: 2048,
    accepts: /^[\t\n\r -\u00ff]+$/,
    pattern: "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
  },
} as const satisfies Readonly<Record<string, TextRule>>;

const MIN_SECONDS = 900;
const MAX_SECONDS = 43_200;
const DEFAULT_SECONDS = 3600;
const MAX_POLICY_ARNS = 10;
const MAX_TAGS = 50;

export function readAssumeRole(parameters: URLSearchParams): AssumeRoleRequest | StsError {
  const policyArns = members(parameters, "PolicyArns", ".arn");
  const tags = tagsOf(parameters);
  const transitiveTagKeys = members(parameters, "TransitiveTagKeys", "");
  const complaints = [
    ...Object.entries(RULES).flatMap(([parameter, rule]) => checkText(rule, parameters.get(parameter))),
    ...checkDuration(parameters.get("DurationSeconds")),
    ...checkPolicyArns(policyArns),
    ...checkTags(tags),
    ...checkCount("transitiveTagKeys", transitiveTagKeys, MAX_TAGS),
  ];
  if (complaints.length > 0) return validationError(validationMessage(complaints));
  const request: AssumeRoleRequest = {
    roleArn: parameters.get("RoleArn") ?? "",
    sessionName: parameters.get("RoleSessionName") ?? "",
    durationSeconds: Number(parameters.get("DurationSeconds") ?? DEFAULT_SECONDS),
    externalId: parameters.get("ExternalId") ?? undefined,
    sourceIdentity: parameters.get("SourceIdentity") ?? undefined,
    policyArns,
    tags: Object.fromEntries(tags),
    transitiveTagKeys,
  };
  return tagError(tags) ?? withPolicy(request, parameters.get("Policy"));
}

const validationMessage = (complaints: readonly Complaint[]): string =>
  `${complaints.length} validation error${complaints.length > 1 ? "s" : ""} detected: ${complaints.join("; ")}`;

function checkDuration(text: string | null): Complaint[] {
  if (text === null) return [];
  const fails = (limit: string): Complaint[] => [
    `Value '${text}' at 'durationSeconds' failed to satisfy constraint: Member must have value ${limit}`,
  ];
  if (!/^\d{1,9}$/.test(text) || Number(text) < MIN_SECONDS) return fails(`greater than or equal to ${MIN_SECONDS}`);
  return Number(text) > MAX_SECONDS ? fails(`less than or equal to ${MAX_SECONDS}`) : [];
}

const POLICY_ARN_RULE = { min: 20, max: 2048, accepts: ARN_TEXT, pattern: ARN_PATTERN };

const checkPolicyArns = (arns: readonly string[]): Complaint[] => [
  ...checkCount("policyArns", arns, MAX_POLICY_ARNS),
  ...arns.flatMap((arn, at) => checkText({ ...POLICY_ARN_RULE, member: `policyArns.${at + 1}.member.arn` }, arn)),
];

type Tag = readonly [key: string, value: string];

const checkTags = (tags: readonly Tag[]): Complaint[] => [
  ...checkCount("tags", tags, MAX_TAGS),
  ...tags.flatMap(([key, value], at) => [
    ...checkText(
      { member: `tags.${at + 1}.member.key`, min: 1, max: 128, accepts: TAG_TEXT, pattern: TAG_PATTERN },
      key,
    ),
    ...checkText(
      { member: `tags.${at + 1}.member.value`, min: 0, max: 256, accepts: TAG_TEXT, pattern: TAG_PATTERN },
      value,
    ),
  ]),
];

const checkCount = (member: string, items: readonly unknown[], max: number): Complaint[] =>
  items.length <= max
    ? []
    : [`Value at '${member}' failed to satisfy constraint: Member must have length less than or equal to ${max}`];

function tagError(tags: readonly Tag[]): StsError | undefined {
  const keys = new Set(tags.map(([key]) => key.toLowerCase()));
  if (keys.size === tags.length) return undefined;
  return validationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
}

function withPolicy(request: AssumeRoleRequest, policy: string | null): AssumeRoleRequest | StsError {
  const wrong = policy === null ? undefined : sessionPolicyError(policy);
  if (wrong !== undefined && isStsError(wrong)) return wrong;
  const plain = [policy ?? "", ...request.policyArns].join("");
  const tags = Object.entries(request.tags).flat().join("\n");
  if (plain === "" && tags === "") return request;
  const percent = Math.max(share(plain.length), share(deflateRawSync(plain + tags).length));
  return percent > 100 ? packedTooLarge(percent) : { ...request, packedPolicyPercent: percent };
}

/** AWS does not publish its packing: the deflated size stands in for it. The 2048 characters of plain text are its own limit. */
const PACKED_LIMIT = 2048;
const share = (size: number): number => Math.ceil((100 * size) / PACKED_LIMIT);

/** "NAME.member.1SUFFIX", "NAME.member.2SUFFIX", ... in the order of their numbers. */
function members(parameters: URLSearchParams, list: string, suffix: string): string[] {
  return numbersOf(parameters, list).flatMap((n) => parameters.get(`${list}.member.${n}${suffix}`) ?? []);
}

const tagsOf = (parameters: URLSearchParams): Tag[] =>
  numbersOf(parameters, "Tags").map((n) => [
    parameters.get(`Tags.member.${n}.Key`) ?? "",
    parameters.get(`Tags.member.${n}.Value`) ?? "",
  ]);

function numbersOf(parameters: URLSearchParams, list: string): number[] {
  const numbers = [...parameters.keys()].map((key) => {
    const [head, member, n = ""] = key.split(".");
    return head === list && member === "member" && /^\d{1,4}$/.test(n) ? Number(n) : Number.NaN;
  });
  return [...new Set(numbers.filter((n) => !Number.isNaN(n)))].sort((a, b) => a - b);
}
