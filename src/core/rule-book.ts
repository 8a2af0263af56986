import { fitsRule, labelOf, type NumberedRule, type RoleRule, type RuleSubject, ruleSubject } from "./role-rule.ts";
import type { Workload } from "./workload.ts";

/** A text of a workload that a rule's pattern is held against, and by which the rule can be found without trying it. */
type Field = string;

/** What a rule's pattern begins with before its first wildcard, or all of it where it has none. */
interface Landmark {
  readonly field: Field;
  readonly text: string;
  readonly isWhole: boolean;
}

const COMPOSE_PROJECT_FIELD: Field = "composeProject";
const labelField = (label: string): Field => `label ${label}`;

/**
 * The operator's rules, in their order. Of ten thousand only those are tried for a workload that one of their patterns could be
 * for, by its whole text or by what stands before its first wildcard: trying each would take milliseconds.
 */
export class RuleBook {
  readonly #rules: readonly RoleRule[];
  /** Places in the list, ascending, by field and whole text or by field and beginning. */
  readonly #places = new Map<string, number[]>();
  /** How long the beginnings are that rules of a field have. */
  readonly #lengths = new Map<Field, Set<number>>();
  /** By which rules go: a container may have hundreds of thousands of others. */
  readonly #labels = new Set<string>();
  /** Those with nothing to be found by. */
  readonly #anywhere: number[] = [];

  constructor(rules: readonly RoleRule[]) {
    this.#rules = rules;
    for (const [place, rule] of rules.entries()) this.#enter(rule, place);
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** The first rule that is for a workload: it decides alone. */
  ruleFor(workload: Workload): NumberedRule | undefined {
    const subject = ruleSubject(workload);
    const places = new Set([...this.#anywhere, ...this.#candidates(subject)]);
    for (const place of [...places].sort((one, other) => one - other)) {
      const rule = this.#rules[place];
      if (rule && fitsRule(rule, subject)) return { number: place + 1, rule };
    }
    return undefined;
  }

  #enter(rule: RoleRule, place: number): void {
    for (const { label } of rule.match.labels ?? []) this.#labels.add(label);
    const landmark = bestLandmark(rule);
    if (!landmark) return void this.#anywhere.push(place);
    const { field, text, isWhole } = landmark;
    if (!isWhole) this.#lengths.set(field, (this.#lengths.get(field) ?? new Set()).add(text.length));
    const key = keyOf(landmark);
    const places = this.#places.get(key);
    if (places) places.push(place);
    else this.#places.set(key, [place]);
  }

  #candidates(subject: RuleSubject): readonly number[] {
    return textsOf(subject, this.#labels).flatMap(([field, text]) => {
      const beginnings = [...(this.#lengths.get(field) ?? [])].filter((length) => length <= text.length);
      return [
        ...(this.#places.get(keyOf({ field, text, isWhole: true })) ?? []),
        ...beginnings.flatMap(
          (length) => this.#places.get(keyOf({ field, text: text.slice(0, length), isWhole: false })) ?? [],
        ),
      ];
    });
  }
}

/** No field has a line break in it: label names may, and then share a key with another, which costs a try. */
const keyOf = ({ field, text, isWhole }: Landmark): string => `${isWhole ? "=" : "^"}${field}\n${text}`;

/** The longest leaves the fewest, and of two as long the one that is whole: many rules share a short network's name. */
function bestLandmark({ match }: RoleRule): Landmark | undefined {
  const patterns: readonly (readonly [Field, string | undefined])[] = [
    ...(match.labels ?? []).map(({ label, pattern }) => [labelField(label), pattern] as const),
    ["name", match.name],
    ["image", match.image],
    [COMPOSE_PROJECT_FIELD, match.composeProject],
    ["network", match.network],
  ];
  const landmarks = patterns.flatMap(([field, pattern]) => landmarkOf(field, pattern) ?? []);
  return landmarks.sort((one, other) => weightOf(other) - weightOf(one))[0];
}

const weightOf = ({ text, isWhole }: Landmark): number => text.length + (isWhole ? 0.5 : 0);

function landmarkOf(field: Field, pattern: string | undefined): Landmark | undefined {
  if (pattern === undefined) return undefined;
  const wildcard = pattern.search(/[*?]/);
  if (wildcard === -1) return { field, text: pattern, isWhole: true };
  return wildcard === 0 ? undefined : { field, text: pattern.slice(0, wildcard), isWhole: false };
}

const textsOf = (
  { name, images, networks, labels, composeProject }: RuleSubject,
  ofRules: ReadonlySet<string>,
): readonly (readonly [Field, string])[] => [
  ["name", name],
  ...images.map((image) => ["image", image] as const),
  ...networks.map((network) => ["network", network] as const),
  ...(composeProject === undefined ? [] : [[COMPOSE_PROJECT_FIELD, composeProject] as const]),
  ...[...ofRules].flatMap((label) => {
    const value = labelOf(label, labels);
    return value === undefined ? [] : [[labelField(label), value] as const];
  }),
];
