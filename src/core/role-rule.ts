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

/** Thousands of rules may be looked at for one workload: what can be known of it before is made once. */
export function ruleFor(workload: Workload, rules: readonly RoleRule[]): NumberedRule | undefined {
  const subject = subjectOf(workload);
  const index = rules.findIndex(({ match }) => fits(match, subject));
  const rule = rules[index];
  return rule && { number: index + 1, rule };
}

/** Why the rule does not let anyone have the role; undefined: it does. */
export function whyNot({ allow, deny }: Pick<RoleRule, "allow" | "deny">, roleArn: string): string | undefined {
  const against = deny.find((pattern) => fitsPattern(pattern, roleArn));
  if (against !== undefined) return `it denies ${against}`;
  if (fitsAny(allow, roleArn)) return undefined;
  return allow.length === 0 ? "it allows no role" : `it allows ${allow.join(", ")}`;
}

interface Subject extends WorkloadTraits {
  readonly name: string;
  /** All that its image may be called by; none for an image of which nothing is known, which "*" does not fit either. */
  readonly images: readonly string[];
}

const NO_TRAITS: WorkloadTraits = { image: "", imageId: "", labels: {}, networks: [], userNamespace: "" };

function subjectOf({ name, traits = NO_TRAITS }: Workload): Subject {
  const { image, imageId } = traits;
  const images = [...new Set([image, repositoryOf(image), imageId])].filter((text) => text !== "");
  return { ...traits, name, images };
}

/** "registry.example:5000/red/app:1.2@sha256:…" without tag and digest: a colon before the last slash is a port's. */
const repositoryOf = (image: string): string => image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");

function fits(match: RuleMatch, subject: Subject): boolean {
  return (
    fitsText(match.name, subject.name) &&
    fitsOne(match.image, subject.images) &&
    fitsOne(match.network, subject.networks) &&
    fitsText(match.userNamespace, subject.userNamespace) &&
    (match.composeProject === undefined || fitsLabel(COMPOSE_PROJECT, match.composeProject, subject)) &&
    (match.labels === undefined || match.labels.every(({ label, pattern }) => fitsLabel(label, pattern, subject)))
  );
}

const fitsText = (pattern: string | undefined, text: string): boolean =>
  pattern === undefined || fitsPattern(pattern, text);

const fitsOne = (pattern: string | undefined, texts: readonly string[]): boolean =>
  pattern === undefined || texts.some((text) => fitsPattern(pattern, text));

const fitsLabel = (label: string, pattern: string, { labels }: Subject): boolean =>
  Object.hasOwn(labels, label) && fitsPattern(pattern, labels[label] ?? "");
