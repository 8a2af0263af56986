import { createHash } from "node:crypto";
import type { SessionClaims, UnusableClaim, Workload, WorkloadClaim, WorkloadTraits } from "../core/workload.ts";
import { suggestion } from "../kit/suggestion.ts";
import { type ContainerDialect, OWN_DIALECT, type Place } from "./container-dialect.ts";
import type { ContainerDetails } from "./engine.ts";

/** Those of older tools have a variable too; a label wins over it. */
const ROLE = { label: "taskrole.role", variable: "IAM_ROLE" };
const EXTERNAL_ID = { label: "taskrole.external-id", variable: "IAM_EXTERNAL_ID" };
const SESSION = {
  policy: { label: "taskrole.policy", variable: "IAM_POLICY" },
  policyArns: { label: "taskrole.policy-arns" },
  sessionName: { label: "taskrole.session-name" },
  sourceIdentity: { label: "taskrole.source-identity" },
  transitiveTags: { label: "taskrole.transitive-tags" },
} as const satisfies Readonly<Record<string, OwnPlace>>;
/** The rest of the label is the tag's key. */
const TAG_LABELS = "taskrole.session-tags.";
const PATHS = { label: "taskrole.metadata" };
const TOKENS = { label: "taskrole.tokens" };
/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
const AUTHORIZATION_VARIABLE = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/** All labels with it are read by taskrole. */
const OWN_PREFIX = "taskrole.";
const KNOWN_LABELS: readonly string[] = [ROLE, EXTERNAL_ID, PATHS, TOKENS, ...Object.values(SESSION)].map(
  ({ label }) => label,
);

interface OwnPlace {
  readonly label: string;
  readonly variable?: string;
}

type Said = Pick<ContainerDetails, "labels" | "env"> & Pick<ContainerDialect, "isEmptyUnset">;

/** What of a container's inspect makes a workload. */
export type WorkloadSource = Pick<ContainerDetails, "labels" | "env"> &
  Pick<ContainerDetails, "id" | "name" | "startedAt" | "image" | "imageId" | "userNamespace" | "attachments">;

/** One life of a container: who it is, and all that it says of itself. */
export function workloadOf(container: WorkloadSource, dialect: ContainerDialect = OWN_DIALECT): Workload {
  const { id, name, startedAt, env } = container;
  const authorization = lastValue(AUTHORIZATION_VARIABLE, env);
  const said: Said = { ...container, ...dialect };
  const roleClaim = claimOf(ROLE, said, dialect.places.role);
  const pathsClaim = claimOf(PATHS, said);
  const tokensClaim = claimOf(TOKENS, said);
  const sessionClaims = sessionClaimsOf(said, dialect);
  const unusableClaims = unusableClaimsOf(container);
  return {
    ...{ id, name, startedAt },
    traits: traitsOf(container, dialect),
    ...(roleClaim && { roleClaim }),
    ...(sessionClaims && { sessionClaims }),
    ...(unusableClaims.length > 0 && { unusableClaims }),
    ...(pathsClaim && { pathsClaim }),
    ...(tokensClaim && { tokensClaim }),
    ...(authorization && { authorizationDigest: createHash("sha256").update(authorization).digest("hex") }),
  };
}

function traitsOf(container: WorkloadSource, { variables }: ContainerDialect): WorkloadTraits {
  const { image, imageId, labels, userNamespace, attachments, env } = container;
  const values = [...variables].map((name) => [name, lastValue(name, env)] as const);
  const kept = values.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    ...{ image, imageId, labels, userNamespace },
    networks: attachments.map(({ networkName }) => networkName),
    ...(kept.length > 0 && { variables: Object.fromEntries(kept) }),
  };
}

function sessionClaimsOf(said: Said, { places }: ContainerDialect): SessionClaims | undefined {
  const claims = Object.entries(SESSION).map(([name, place]) => [name, claimOf(place, said)] as const);
  const externalId = ["externalId", claimOf(EXTERNAL_ID, said, places.externalId)] as const;
  const made = [externalId, ...claims].filter(([, claim]) => claim !== undefined);
  const tags = Object.keys(said.labels)
    .filter((label) => label.startsWith(TAG_LABELS))
    .map((label) => [label.slice(TAG_LABELS.length), labelled(label, said)] as const);
  if (made.length === 0 && tags.length === 0) return undefined;
  return { ...Object.fromEntries(made), ...(tags.length > 0 && { sessionTags: Object.fromEntries(tags) }) };
}

/** The first says why there is no session; of ten thousands nobody reads more than a few. */
const MOST_UNUSABLE = 8;

const unusableClaimsOf = ({ labels }: Pick<Said, "labels">): readonly UnusableClaim[] =>
  Object.keys(labels)
    .filter((label) => label.startsWith(OWN_PREFIX) && !label.startsWith(TAG_LABELS) && !KNOWN_LABELS.includes(label))
    .slice(0, MOST_UNUSABLE)
    .map((label) => ({
      place: labelPlace(label),
      reason: `taskrole knows no such label${suggestion(label, [...KNOWN_LABELS, `${TAG_LABELS}KEY`])}`,
    }));

/** Of a label's name, which may be as long as its container likes, and is written into the log. */
const MOST_SHOWN = 200;

const labelPlace = (label: string): string =>
  `label ${label.length > MOST_SHOWN ? `${label.slice(0, MOST_SHOWN)}…` : label}`;

/**
 * What is written at a place; the label wins. An empty one is a claim too, to be refused as such: taken for none, it
 * would silently give the container something else than it asked for.
 */
function claimOf(
  own: OwnPlace,
  { labels, env, isEmptyUnset }: Said,
  others: Place = NOWHERE,
): WorkloadClaim | undefined {
  const label = [own.label, ...others.labels].find((name) => Object.hasOwn(labels, name));
  if (label !== undefined) return labelled(label, { labels });
  const variables = [...(own.variable === undefined ? [] : [own.variable]), ...others.variables];
  for (const variable of variables) {
    const text = lastValue(variable, env);
    if (text !== undefined && !(text === "" && isEmptyUnset))
      return { text, place: `environment variable ${variable}` };
  }
  return undefined;
}

const NOWHERE: Place = { labels: [], variables: [] };

const labelled = (label: string, { labels }: Pick<Said, "labels">): WorkloadClaim => ({
  text: labels[label] ?? "",
  place: labelPlace(label),
});

/** The last one counts, as Docker replaces earlier ones; "NAME" without "=" is a variable that is not set. */
const lastValue = (name: string, env: readonly string[]): string | undefined =>
  env.findLast((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
