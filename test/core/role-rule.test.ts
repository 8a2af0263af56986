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

/** What is not there is like nothing. */
const isLike = (pattern: string, text: string | undefined): boolean => text !== undefined && like(pattern, text);

const isFor = (
  { name, image, network, composeProject, userNamespace, labels = [] }: RuleMatch,
  of: Workload,
): boolean => {
  const traits = of.traits ?? TRAITS;
  const named = traits.image.split("@")[0] ?? "";
  const untagged = named.lastIndexOf(":") > named.lastIndexOf("/") ? named.slice(0, named.lastIndexOf(":")) : named;
  return [
    name === undefined || like(name, of.name),
    image === undefined || [traits.image, untagged, traits.imageId].some((one) => like(image, one)),
    network === undefined || traits.networks.some((one) => like(network, one)),
    composeProject === undefined || isLike(composeProject, traits.labels["com.docker.compose.project"]),
    userNamespace === undefined || like(userNamespace, traits.userNamespace),
    labels.every(({ label, pattern }) => isLike(pattern, traits.labels[label])),
  ].every(Boolean);
};

const allows = ({ allow, deny }: RoleRule, arn: string): boolean =>
  [allow.some((pattern) => like(pattern, arn)), !deny.some((pattern) => like(pattern, arn))].every(Boolean);

/** As simply as it can be said, to compare with. @returns the ARN that is granted */
function naively(of: Workload, rules: readonly RoleRule[]): string | undefined {
  const [first] = rules.filter(({ match }) => isFor(match, of));
  const role = of.roleClaim?.text ?? first?.defaultRole;
  const arn = `arn:aws:iam::111122223333:role/${role}`;
  return first && role !== undefined && allows(first, arn) ? arn : undefined;
}

const words = fc.constantFrom("a", "b", "ab", "ba", "red");
const patterns = fc.constantFrom("*", "?", "a*", "ab*", "*b", "a?", "red", "b*a", "ab", "r?d");
const arns = fc.constantFrom("*", "arn:aws:iam::*:role/a*", "*/b", "arn:aws:iam::111122223333:role/?", "*:role/red");
const images = fc.constantFrom(
  "a",
  "red/ab:1",
  "host:5000/red/ab",
  "host:5000/red/ab:2",
  "red/ab@sha256:f00",
  "ab:1@sha256:f00",
);
const imagePatterns = fc.constantFrom(
  "*",
  "red/*",
  "red/ab",
  "*/ab",
  "ab",
  "ab:?",
  "sha256:*",
  "*@sha256:f00",
  "host:5000/*",
);
const label = fc.record({ team: patterns, "a.b": patterns }, { requiredKeys: [] });
const userNamespace = fc.constantFrom("", "*", "host");
const fields = {
  name: patterns,
  network: patterns,
  composeProject: patterns,
  image: imagePatterns,
  userNamespace,
  label,
};
const aField = fc.oneof(
  ...Object.entries(fields).map(([key, value]) => value.map((pattern) => [key, pattern] as const)),
);
const match = fc.array(aField, { maxLength: 2 }).map((some) => Object.fromEntries(some) as Written);
const anyRules = fc.array(
  fc.record(
    { match, allow: fc.array(arns, { maxLength: 2 }), deny: fc.array(arns, { maxLength: 1 }), defaultRole: words },
    { requiredKeys: ["match", "allow", "deny"] },
  ),
  { minLength: 1, maxLength: 6 },
);
const anyWorkload = fc.record({
  ...{ name: words, networks: fc.array(words, { minLength: 1, maxLength: 2 }), image: images },
  role: fc.option(words, { nil: undefined }),
  userNamespace: fc.constantFrom("", "host"),
  labels: fc.record({ team: words, "com.docker.compose.project": words, "a.b": words }, { requiredKeys: [] }),
});

it("for any rules and workloads, what is granted is what the first rule that is for it allows", () => {
  let granted = 0;
  fc.assert(
    fc.property(anyRules, anyWorkload, (given, { name, role, ...traits }) => {
      const of: Workload = { ...workload(name, role), traits: { ...TRAITS, ...traits } };
      const all = given.map(({ match: matches, ...roles }) => ruleOf(matches, roles as Partial<RoleRule>));
      const expected = naively(of, all);
      let arn: string | undefined;
      try {
        arn = decide(of, all).roleArn;
      } catch (error) {
        assert.ok(error instanceof Refusal);
      }
      granted += arn === undefined ? 0 : 1;
      assert.equal(arn, expected);
    }),
    { numRuns: 5_000 },
  );
  assert.ok(granted > 300, `${granted} of 5000 were granted`);
});
