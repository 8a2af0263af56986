import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Refusal } from "../../src/core/failure.ts";
import { type GrantSettings, grantFor, nominationOf } from "../../src/core/grant.ts";
import { type RoleRule, type RuleMatch, whyNot } from "../../src/core/role-rule.ts";
import { RuleBook } from "../../src/core/rule-book.ts";
import type { Workload, WorkloadTraits } from "../../src/core/workload.ts";
import { ANY_ROLE, refusalOf, workload } from "../support/workloads.ts";

const TRAITS: WorkloadTraits = {
  image: "registry.example:5000/red/app:1.2",
  imageId: `sha256:${"a".repeat(64)}`,
  labels: { team: "red", "com.docker.compose.project": "ci" },
  networks: ["bridge", "red"],
  userNamespace: "",
};
const app = (more: Partial<WorkloadTraits> = {}, role?: string): Workload => ({
  ...workload("ci-7", role),
  traits: { ...TRAITS, ...more },
});
/** As it is written. */
type Written = Omit<RuleMatch, "labels"> & { readonly label?: Readonly<Record<string, string>> };
const matchOf = ({ label, ...rest }: Written): RuleMatch => ({
  ...rest,
  ...(label && { labels: Object.entries(label).map(([name, pattern]) => ({ label: name, pattern })) }),
});
const ruleOf = (match: Written, more: Partial<RoleRule> = {}): RoleRule => ({
  ...{ match: matchOf(match), allow: ["*"], deny: [], policyArns: [], sessionTags: {}, transitiveTags: [] },
  ...more,
});
const ruleFor = (of: Workload, rules: readonly RoleRule[]) => new RuleBook(rules).ruleFor(of);
const home = { partition: "aws", accountId: "111122223333" };
const decide = (of: Workload, roleRules: readonly RoleRule[], more: Partial<GrantSettings> = {}) => {
  const settings = { ...ANY_ROLE, ...more, roleRules: new RuleBook(roleRules) };
  return grantFor(of, nominationOf(of, settings), { settings, home });
};
describe("a rule's match", () => {
  const rows: readonly (readonly [string, Written, boolean])[] = [
    ["nothing given is for all", {}, true],
    ["a name", { name: "ci-7" }, true],
    ["a name by pattern", { name: "ci-?" }, true],
    ["another name", { name: "ci-70" }, false],
    ["an image as written", { image: "registry.example:5000/red/app:1.2" }, true],
    ["an image without its tag", { image: "registry.example:5000/red/app" }, true],
    ["an image by pattern", { image: "registry.example:5000/red/*" }, true],
    ["an image's id", { image: `sha256:${"a".repeat(64)}` }, true],
    ["another image", { image: "registry.example:5000/blue/*" }, false],
    ["a port is no tag", { image: "registry.example" }, false],
    ["one of its networks", { network: "red" }, true],
    ["a network that it is not on", { network: "blue" }, false],
    ["its Compose project", { composeProject: "ci" }, true],
    ["another Compose project", { composeProject: "prod" }, false],
    ["the engine's own user namespace", { userNamespace: "" }, true],
    ["another user namespace", { userNamespace: "host" }, false],
    ["a label", { label: { team: "red" } }, true],
    ["a label by pattern", { label: { team: "*" } }, true],
    ["a label that it does not have", { label: { tier: "*" } }, false],
    ["a label that every object has", { label: { constructor: "*" } }, false],
    ["all of several", { name: "ci-*", network: "red", label: { team: "red" } }, true],
    ["one of several", { name: "ci-*", network: "red", label: { team: "blue" } }, false],
  ];
  for (const [what, match, expected] of rows)
    it(`${what}: ${expected}`, () => assert.equal(ruleFor(app(), [ruleOf(match)]) !== undefined, expected));

  for (const image of ["registry.example:5000/red/app", "registry.example:5000/red/app:1.2"])
    it(`${image} with its digest is that repository's, and what it is by its digest`, () => {
      const digest = `sha256:${"d".repeat(64)}`;
      const pulled = app({ image: `${image}@${digest}` });
      const fits = (pattern: string): boolean => ruleFor(pulled, [ruleOf({ image: pattern })]) !== undefined;
      assert.deepEqual(
        ["registry.example:5000/red/app", `*@${digest}`, "registry.example:5000/red", digest].map(fits),
        [true, true, false, false],
      );
    });

  it("is for no workload that no engine knows, unless it asks nothing but the name", () => {
    const unknown = workload("vm-1");
    assert.equal(ruleFor(unknown, [ruleOf({ image: "*" })]), undefined);
    assert.equal(ruleFor(unknown, [ruleOf({ network: "*" })]), undefined);
    assert.equal(ruleFor(unknown, [ruleOf({ label: { team: "*" } })]), undefined);
    for (const userNamespace of ["", "*"]) assert.equal(ruleFor(unknown, [ruleOf({ userNamespace })]), undefined);
    assert.equal(ruleFor(unknown, [ruleOf({ name: "vm-*" })])?.number, 1);
  });

  it("is asked in order, and the first decides alone", () => {
    const rules = [ruleOf({ name: "x" }), ruleOf({ name: "ci-*" }), ruleOf({})];
    assert.equal(ruleFor(app(), rules)?.number, 2);
    const refused = [ruleOf({}, { allow: [] }), ruleOf({})];
    assert.deepEqual(
      refusalOf(() => decide(app({}, "r"), refused)),
      {
        kind: "role-refused",
        workload: "ci-7",
        roleArn: "arn:aws:iam::111122223333:role/r",
        rule: 1,
        because: "it allows no role",
      },
    );
  });
});

describe("a rule's roles", () => {
  it("are whole ARNs by pattern, and a denial beats what is allowed", () => {
    const rule = ruleOf({}, { allow: ["arn:aws:iam::*:role/red/*"], deny: ["arn:aws:iam::*:role/red/admin"] });
    assert.equal(whyNot(rule, "arn:aws:iam::111122223333:role/red/deep/er"), undefined);
    assert.equal(whyNot(rule, "arn:aws:iam::111122223333:role/red/admin"), "it denies arn:aws:iam::*:role/red/admin");
    assert.equal(whyNot(rule, "arn:aws:iam::111122223333:role/blue/x"), "it allows arn:aws:iam::*:role/red/*");
  });

  it("a workload that no rule is for has nothing, whatever default there is", () => {
    const refusal = refusalOf(() => decide(app(), [ruleOf({ name: "x" })], { defaultRole: "base" }));
    assert.deepEqual(refusal, { kind: "no-rule", workload: "ci-7" });
  });

  it("a default is the rule's own, else the setting's, and must be allowed like any other", () => {
    const own = ruleOf({}, { defaultRole: "mine" });
    assert.deepEqual(decide(app(), [own], { defaultRole: "base" }).decidedBy, {
      place: "defaultRole of rule 1",
      rule: 1,
    });
    assert.equal(decide(app(), [own], { defaultRole: "base" }).roleName, "mine");
    assert.equal(decide(app(), [ruleOf({})], { defaultRole: "base" }).decidedBy.place, "setting defaultRole");
    const closed = ruleOf({}, { allow: ["arn:aws:iam::*:role/other"] });
    assert.equal(refusalOf(() => decide(app(), [closed], { defaultRole: "base" })).kind, "role-refused");
  });

  it("a role that is refused is never replaced by a default", () => {
    const rule = ruleOf({}, { deny: ["*/admin"], defaultRole: "base" });
    assert.equal(refusalOf(() => decide(app({}, "admin"), [rule])).kind, "role-refused");
  });

  it("a refusal names the rule, also one of a role or a session that cannot be", () => {
    const rules = [ruleOf({ name: "x" }), ruleOf({})];
    const unusableClaims = [{ place: "label taskrole.polcy", reason: "no such label" }];
    const kinds = [app({}), app({}, "a b"), { ...app({}, "r"), unusableClaims }].map((of) => {
      const refusal = refusalOf(() => decide(of, rules));
      return [refusal.kind, "rule" in refusal && refusal.rule];
    });
    assert.deepEqual(kinds, [
      ["no-role", 2],
      ["bad-role", 2],
      ["bad-session", 2],
    ]);
  });

  it("the rule's session seconds win over the setting's", () => {
    assert.equal(decide(app({}, "r"), [ruleOf({}, { sessionSeconds: 900 })]).sessionSeconds, 900);
  });
});

const like = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${[...pattern].map((c) => ({ "*": "[^]*", "?": "[^]" })[c] ?? c.replace(/[\\^$.+()[\]{}|/-]/g, "\\$&")).join("")}$`,
  ).test(text);

const isFor = ({ name, network, labels = [] }: RuleMatch, of: Workload): boolean =>
  [
    name === undefined || like(name, of.name),
    network === undefined || (of.traits?.networks ?? []).some((one) => like(network, one)),
    labels.every(({ label, pattern }) => like(pattern, of.traits?.labels[label] ?? "\0none")),
  ].every(Boolean);

/** As simply as it can be said, to compare with. */
function naively(of: Workload, rules: readonly RoleRule[], arn: string): boolean {
  const [first] = rules.filter(({ match }) => isFor(match, of));
  const fits = (patterns: readonly string[] = []): boolean => patterns.some((pattern) => like(pattern, arn));
  return fits(first?.allow) && !fits(first?.deny);
}

it("for any rules and workloads, what is granted is what the first rule that is for it allows", () => {
  const words = fc.constantFrom("a", "b", "ab", "ba", "red");
  const patterns = fc.constantFrom("*", "?", "a*", "ab*", "*b", "a?", "red", "b*a", "ab");
  const arns = fc.constantFrom("*", "arn:aws:iam::*:role/a*", "*/b", "arn:aws:iam::111122223333:role/?", "*:role/red");
  const match = fc.record(
    { name: patterns, network: patterns, label: fc.record({ team: patterns }) },
    { requiredKeys: [] },
  );
  const rules = fc.array(
    fc.record({ match, allow: fc.array(arns, { maxLength: 2 }), deny: fc.array(arns, { maxLength: 1 }) }),
    { minLength: 1, maxLength: 5 },
  );
  let granted = 0;
  fc.assert(
    fc.property(rules, fc.tuple(words, words, words, words), (given, [name, network, team, role]) => {
      const of: Workload = { ...workload(name, role), traits: { ...TRAITS, networks: [network], labels: { team } } };
      const all = given.map(({ match: matches, ...roles }) => ruleOf(matches as Written, roles));
      const arn = `arn:aws:iam::111122223333:role/${role}`;
      let isGranted = false;
      try {
        isGranted = decide(of, all).roleArn === arn;
      } catch (error) {
        assert.ok(error instanceof Refusal);
      }
      granted += isGranted ? 1 : 0;
      assert.equal(isGranted, naively(of, all, arn));
    }),
    { numRuns: 3_000 },
  );
  assert.ok(granted > 100, `${granted} of 3000 were granted`);
});
