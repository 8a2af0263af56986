import { coversPattern, haveCommonText } from "./iam-pattern.ts";

/* Patterns of whole ARNs of roles, as rules and policies have them. */

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html#arns-partitions */
const EVERY_ROLE = ["aws", "aws-cn", "aws-us-gov"].map((partition) => `arn:${partition}:iam::*:role/*`);

/** Of a partition. What is no account and no name is not to be had anyway, so `?*` and twelve `?` leave nothing out. */
export function isEveryRole(pattern: string): boolean {
  const widened = pattern.replace(/[*?]*\*[*?]*|(?<=:)\?{12}(?=:)/g, "*");
  return EVERY_ROLE.some((every) => coversPattern(widened, every));
}

/** Patterns of whole ARNs part by part: the account's `*` is no more than an account here. */
export function haveCommonRole(one: string, other: string): boolean {
  const [parts, others] = [one.split(":"), other.split(":")];
  if (parts.length !== ARN_PARTS || others.length !== ARN_PARTS) return haveCommonText(one, other);
  return parts.every((part, index) => haveCommonText(part, others[index] ?? ""));
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
const ARN_PARTS = 6;
