import { MOST_TAGS, tagKeyFault, tagValueFault } from "./session-limits.ts";
import { demand, demandReadable, rendered, type SessionSubject } from "./session-subject.ts";
import { renderTemplate, type SessionTemplate } from "./session-template.ts";
import type { WorkloadClaim } from "./workload.ts";

/** A tag, and where it was written. */
interface PlacedTag {
  readonly key: string;
  readonly value: string;
  readonly place: string;
}

export interface SessionTags {
  readonly tags?: Readonly<Record<string, string>>;
  readonly transitiveTagKeys?: readonly string[];
}

/**
 * The operator's and the workload's own. What the operator tags is his: policies may rest on it, so a workload that names the
 * same key (STS does not tell a from A) is refused rather than overruled, also where the operator's template leaves it untagged.
 *
 * @throws Refusal `bad-session`
 */
export function sessionTagsOf(subject: SessionSubject): SessionTags {
  const operators = operatorsTags(subject);
  const claims = Object.entries(subject.workload.sessionClaims?.sessionTags ?? {});
  const count = operators.length + claims.length;
  const reason = `there are ${count}, and STS takes ${MOST_TAGS}`;
  demand(subject.workload, "session tags", count > MOST_TAGS ? reason : undefined); // first: there may be ten thousands
  const tags = [...operators, ...ownTags(subject, claims)];
  for (const tag of tags) demand(subject.workload, tag.place, tagKeyFault(tag.key) ?? tagValueFault(tag.value));
  if (tags.length === 0 && !subject.workload.sessionClaims?.transitiveTags) return {};
  const transitive = transitiveKeys(subject, tags);
  return {
    tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
    ...(transitive.length > 0 && { transitiveTagKeys: transitive }),
  };
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** A tag whose template names a label or variable that the workload does not have is left out: it is then as untagged as it is unlabelled. */
function operatorsTags({ workload, settings, rule }: SessionSubject): readonly PlacedTag[] {
  const tag = ([key, template]: [string, SessionTemplate], place: string): PlacedTag[] => {
    const value = renderTemplate(template, workload, settings.host);
    return value === undefined ? [] : [{ key, value, place: `${place}.${key}` }];
  };
  const ofRule = Object.entries(rule?.sessionTags ?? {});
  const ofAll = Object.entries(settings.sessionTags).filter(([key]) => !ofRule.some(([other]) => isSame(key, other)));
  return [
    ...ofAll.flatMap((entry) => tag(entry, "setting sessionTags")),
    ...ofRule.flatMap((entry) => tag(entry, "sessionTags of the rule")),
  ];
}

type TagClaim = readonly [key: string, claim: WorkloadClaim];

function ownTags(subject: SessionSubject, claims: readonly TagClaim[]): readonly PlacedTag[] {
  const keys = [...Object.keys(subject.settings.sessionTags), ...Object.keys(subject.rule?.sessionTags ?? {})];
  return claims.map(([key, claim]) => {
    const isTaken = keys.some((other) => isSame(key, other));
    demand(subject.workload, claim.place, isTaken ? `the tag ${JSON.stringify(key)} is set already` : undefined);
    keys.push(key);
    return { key, value: rendered(subject, claim), place: claim.place };
  });
}

function transitiveKeys(subject: SessionSubject, tags: readonly PlacedTag[]): readonly string[] {
  const { workload, settings, rule } = subject;
  const claim = workload.sessionClaims?.transitiveTags;
  if (claim) demandReadable(workload, claim);
  const find = (wanted: string): string | undefined => tags.find(({ key }) => isSame(key, wanted))?.key;
  const own = (claim?.text ?? "").split(",").map((key) => key.trim());
  const named = claim ? own : [];
  for (const key of named)
    demand(
      subject.workload,
      claim?.place ?? "",
      find(key) === undefined ? `the session has no tag ${JSON.stringify(key)}` : undefined,
    );
  const all = [...settings.transitiveTags, ...(rule?.transitiveTags ?? []), ...named].flatMap((key) => find(key) ?? []);
  return [...new Set(all)];
}
