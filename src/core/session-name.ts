import { SHORT_ID_LENGTH } from "./session-template.ts";

const MIN_LENGTH = 2;
const MAX_LENGTH = 64;

/**
 * RoleSessionName of what a template gave: 2 to 64 of `[\w+=,.@-]`. CloudTrail shows it as the user of every call. It always
 * holds the container's id, which nobody can choose: no session has another's name.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function sessionNameOf(text: string, workloadId: string): string {
  const shortId = valid(workloadId.slice(0, SHORT_ID_LENGTH));
  const name = valid(text);
  if (name.includes(shortId) && name.length >= MIN_LENGTH && name.length <= MAX_LENGTH) return name;
  return `${name.slice(0, MAX_LENGTH - shortId.length - 1) || "container"}-${shortId}`;
}

const valid = (text: string): string => text.replace(/[^\w+=,.@-]/g, "-");
