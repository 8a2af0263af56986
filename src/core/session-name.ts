import type { Workload } from "./workload.ts";

/** Enough of a container id to be unique on a host; what `docker ps` shows. */
const SHORT_ID_LENGTH = 12;
const MAX_LENGTH = 64;

/**
 * RoleSessionName: 2 to 64 of `[\w+=,.@-]`; CloudTrail shows it as the user of
 * every call, so it leads with the name an operator knows and ends with the id.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function sessionNameOf(workload: Workload): string {
  const shortId = valid(workload.id.slice(0, SHORT_ID_LENGTH));
  const name = valid(workload.name).slice(0, MAX_LENGTH - SHORT_ID_LENGTH - 1);
  return name === "" ? `container-${shortId}` : `${name}-${shortId}`;
}

const valid = (text: string): string => text.replace(/[^\w+=,.@-]/g, "-");
