import { fitsAny, fitsPattern } from "./iam-pattern.ts";
import type { SessionPolicy } from "./session-policy.ts";
import type { SessionTemplate } from "./session-template.ts";
import type { Workload, WorkloadTraits } from "./workload.ts";

/** Which workloads a rule is for. Patterns as in IAM policies; all that is given must hold, and nothing given holds for all. */
export interface RuleMatch {
  readonly labels?: readonly LabelMatch[] | undefined;
  /** Of the image as it was named, with its tag or without, or of its id (sha256:…). */
  readonly image?: string | undefined;
  readonly name?: string | undefined;
  /** Of one of its networks. */
  readonly network?: string | undefined;
  readonly composeProject?: string | undefined;
  readonly userNamespace?: string | undefined;
}

/** A label, and a pattern of its value. */
export interface LabelMatch {
  readonly label: string;
  readonly pattern: string;
}

/** What the operator lets some workloads have. The first rule that fits a workload decides alone. */
export interface RoleRule {
  readonly match: RuleMatch;
  /** Patterns of role ARNs. */
  readonly allow: readonly string[];
  /** Beats `allow`. */
  readonly deny: readonly string[];
  /** For those that name no role. */
  readonly defaultRole?: string;
  /** With `policyArns` a ceiling: no session of this rule can do more, whatever the workload says. */
  readonly policy?: SessionPolicy;
  readonly policyArns: readonly string[];
  readonly sessionSeconds?: number;
  readonly sessionTags: Readonly<Record<string, SessionTemplate>>;
  readonly transitiveTags: readonly string[];
}

/** As operators count: from 1, in the order of the setting. */
export interface NumberedRule {
  readonly number: number;
  readonly rule: RoleRule;
}

/** https://docs.docker.com/reference/compose-file/ (Compose's own labels) */
const COMPOSE_PROJECT = "com.docker.compose.project";

/** Why the rule does not let anyone have the role; undefined: it does. */
export function whyNot({ allow, deny }: Pick<RoleRule, "allow" | "deny">, roleArn: string): string | undefined {
  const against = deny.find((pattern) => fitsPattern(pattern, roleArn));
  if (against !== undefined) return `it denies ${against}`;
  if (fitsAny(allow, roleArn)) return undefined;
  return allow.length === 0 ? "it allows no role" : `it allows ${allow.join(", ")}`;
}

/** What of a workload rules look at, made once for all of them. */
export interface RuleSubject extends Omit<WorkloadTraits, "userNamespace"> {
  readonly name: string;
  /** Undefined where no engine was asked for one: not even "*" fits it. */
  readonly userNamespace: string | undefined;
  /** All that its image may be called by; none for an image of which nothing is known, which "*" does not fit either. */
  readonly images: readonly string[];
  readonly composeProject: string | undefined;
}

const NO_TRAITS: Omit<RuleSubject, "name" | "images" | "composeProject"> & Pick<WorkloadTraits, "image" | "imageId"> = {
  image: "",
  imageId: "",
  labels: {},
  networks: [],
  userNamespace: undefined,
};

export function ruleSubject({ name, traits: known }: Workload): RuleSubject {
  const traits = known ?? NO_TRAITS;
  const { image, imageId, labels } = traits;
  const images = [...new Set([image, repositoryOf(image), imageId])].filter((text) => text !== "");
  return { ...traits, name, images, composeProject: labelOf(COMPOSE_PROJECT, labels) };
}

/** "registry.example:5000/red/app:1.2@sha256:…" without tag and digest: a colon before the last slash is a port's. */
const repositoryOf = (image: string): string => image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");

export const labelOf = (label: string, labels: WorkloadTraits["labels"]): string | undefined =>
  Object.hasOwn(labels, label) ? labels[label] : undefined;

export function fitsRule({ match }: Pick<RoleRule, "match">, subject: RuleSubject): boolean {
  return (
    fitsText(match.name, subject.name) &&
    fitsOne(match.image, subject.images) &&
    fitsOne(match.network, subject.networks) &&
    fitsText(match.userNamespace, subject.userNamespace) &&
    fitsText(match.composeProject, subject.composeProject) &&
    (match.labels ?? []).every(({ label, pattern }) => fitsText(pattern, labelOf(label, subject.labels)))
  );
}

const fitsText = (pattern: string | undefined, text: string | undefined): boolean =>
  pattern === undefined || (text !== undefined && fitsPattern(pattern, text));

const fitsOne = (pattern: string | undefined, texts: readonly string[]): boolean =>
  pattern === undefined || texts.some((text) => fitsPattern(pattern, text));
