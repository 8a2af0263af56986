import { Refusal } from "./failure.ts";
import type { RoleRule } from "./role-rule.ts";
import type { Fault } from "./session-limits.ts";
import type { SessionPolicy } from "./session-policy.ts";
import { parseTemplate, renderTemplate, type SessionTemplate, variablesIn } from "./session-template.ts";
import type { Workload, WorkloadClaim } from "./workload.ts";

/** What the operator says of every session. */
export interface SessionSettings {
  readonly sessionSeconds: number;
  readonly sessionName: SessionTemplate;
  readonly sessionTags: Readonly<Record<string, SessionTemplate>>;
  readonly transitiveTags: readonly string[];
  /** For those that have the default role and name no policy of their own. */
  readonly defaultPolicy?: SessionPolicy;
  /** This host's name, for templates. */
  readonly host: string;
}

/** The workload, and what the operator decided for it. */
export interface SessionSubject {
  readonly workload: Workload;
  readonly settings: SessionSettings;
  readonly rule: RoleRule | undefined;
  readonly hasDefaultRole: boolean;
}

/** A reason not to serve the workload at all: a session other than the one meant is no session. @throws Refusal `bad-session` */
export function demand({ name }: Workload, place: string, reason: Fault): void {
  if (reason !== undefined) throw new Refusal({ kind: "bad-session", workload: name, place, reason });
}

/** Many times what STS takes of anything; what is longer is not read. */
const MOST_CLAIM = 16_384;

/** @throws Refusal `bad-session` */
export function demandReadable(workload: Workload, { text, place }: WorkloadClaim): void {
  const reason = `it has ${text.length} characters, and at most ${MOST_CLAIM} are read`;
  demand(workload, place, text.length > MOST_CLAIM ? reason : undefined);
}

/** What stands in a workload's own template. @throws Refusal `bad-session` */
export function rendered({ workload, settings }: SessionSubject, claim: WorkloadClaim): string {
  demandReadable(workload, claim);
  const { text, place } = claim;
  const template = parseTemplate(text);
  if ("kind" in template)
    throw new Refusal({ kind: "bad-session", workload: workload.name, place, reason: template.reason });
  const [variable] = variablesIn(template);
  demand(
    workload,
    place,
    variable === undefined ? undefined : `{env:${variable}} is for the operator's templates alone`,
  );
  const made = renderTemplate(template, workload, settings.host);
  demand(workload, place, made === undefined ? "it names a label that the container does not have" : undefined);
  return made ?? "";
}
