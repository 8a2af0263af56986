import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError, loadConfig } from "../../src/app/config.ts";
import { grantSettings } from "../../src/app/grant-settings.ts";
import { reviewOfRules } from "../../src/app/role-rules-review.ts";
import { workload } from "../support/workloads.ts";

const ANY = "arn:aws:iam::111122223333:role/a";
const load = (roleRules: unknown, more: Readonly<Record<string, unknown>> = {}) =>
  loadConfig({ file: undefined, environment: {}, flags: { roleRules, ...more } });
function mistakes(roleRules: unknown, more: Readonly<Record<string, unknown>> = {}): string {
  try {
    load(roleRules, more);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.join("\n");
    throw error;
  }
  return assert.fail("nothing was wrong");
}
const POLICY = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] };

describe("a rule that cannot be read names itself, the thing and the remedy", () => {
  const rows: readonly (readonly [string, unknown, RegExp])[] = [
    ["no list", {}, /flag --role-rules: roleRules must be a list of rules; it is \{\}/],
    ["a rule without match", [{ allow: ["*"] }], /rule 1 of roleRules: match must say which containers/],
    [
      "a slip in a rule's key",
      [{ match: {}, alow: [ANY] }],
      /rule 1 of roleRules has no "alow"; did you mean "allow"\?/,
    ],
    [
      "a slip in a match's key",
      [{ match: {} }, { match: { imgae: "x" } }],
      /rule 2 of roleRules: match has no "imgae"; did you mean "image"/,
    ],
    [
      "a number for a label",
      [{ match: { label: { n: 1 } } }],
      /match\.label\.n must be a pattern of the label's value, in quotes; it is 1/,
    ],
    [
      "a role's name for a pattern",
      [{ match: {}, allow: ["reader"] }],
      /allow\.0 fits no role: .*"arn:aws:iam::\*:role\/reader"/,
    ],
    [
      "a default that is no role",
      [{ match: {}, defaultRole: "a b" }],
      /defaultRole is no role: it contains white space/,
    ],
    [
      "a policy that is none",
      [{ match: {}, policy: { Statment: [] } }],
      /policy is no session policy: a policy has no "Statment"/,
    ],
    ["a policy in a text that is no JSON", [{ match: {}, policy: "{" }], /policy is no session policy: it is not JSON/],
    ...["2008-10-17", undefined].map(
      (Version) =>
        [
          `a ceiling of ${Version ?? "no"} version, which would change its meaning when a container's is joined to it`,
          [{ match: {}, policy: { ...POLICY, Version } }],
          /policy is no ceiling: its Version must be "2012-10-17", as that of whatever a container's own is joined to/,
        ] as const,
    ),
    [
      "a policy that is too long",
      [{ match: {}, policy: { ...POLICY, Id: "x".repeat(2048) } }],
      /policy is too long: .* it has 2\d{3} characters, and STS takes 2048; it is .{0,210}$/,
    ],
    [
      "a policy and ARNs that are too long together",
      [
        {
          match: {},
          policy: { ...POLICY, Id: "x".repeat(1900) },
          policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/AdministratorAccess"],
        },
      ],
      /policyArns is too long/,
    ],
    [
      "a policy's name for its ARN",
      [{ match: {}, policyArns: ["ReadOnly"] }],
      /policyArns\.0 "ReadOnly" is no ARN of a policy/,
    ],
    [
      "seconds out of range",
      [{ match: {}, sessionSeconds: 899 }],
      /sessionSeconds must be a whole number from 900 to 3600/,
    ],
    ["a tag twice", [{ match: {}, sessionTags: { a: "x", A: "y" } }], /sessionTags has the key "A" twice/],
    [
      "a tag of AWS's",
      [{ match: {}, sessionTags: { "aws:x": "x" } }],
      /is no tag: of its key, "aws:x" begins with "aws:"/,
    ],
    [
      "a tag that STS never takes",
      [{ match: {}, sessionTags: { a: "{host};{label:x}" } }],
      /sessionTags\.a cannot be so: it has the character ";"/,
    ],
    [
      "a template that is none",
      [{ match: {}, sessionTags: { a: "{labl:x}" } }],
      /sessionTags\.a is no template: there is no \{labl:x\}/,
    ],
  ];
  for (const [what, rules, says] of rows) it(what, () => assert.match(mistakes(JSON.stringify(rules)), says));

  it("all mistakes of all rules at once", () => {
    const found = mistakes(JSON.stringify([{ match: { nam: "x" } }, { match: {}, deny: ["x"] }])).split("\n");
    assert.equal(found.length, 2);
  });

  it("the settings beside them too", () => {
    assert.match(mistakes("[]", { sessionName: "{nam}" }), /sessionName is no template: there is no \{nam\}/);
    assert.match(
      mistakes("[]", { defaultPolicy: "{}" }),
      /defaultPolicy is no session policy: a policy needs a Statement/,
    );
    assert.match(mistakes("[]", { sessionTags: '{"team":"x;y"}' }), /sessionTags\.team cannot be so: .* ";"/);
    assert.match(mistakes("[]", { sessionTags: "[]" }), /sessionTags must map tag keys to texts/);
  });
});

describe("what is read is what decides", () => {
  const ruleOf = (written: object) =>
    grantSettings(load(JSON.stringify([written])), "h").roleRules.ruleFor(workload("any"))?.rule;

  it("a policy in YAML and the same in a text are one", () => {
    const policies = [POLICY, JSON.stringify(POLICY, null, 2)].map((policy) => ruleOf({ match: {}, policy })?.policy);
    assert.deepEqual(policies, new Array(2).fill({ text: JSON.stringify(POLICY), onlyDenies: false }));
  });

  it("a rule is what was written, and nothing that was not", () => {
    assert.deepEqual(ruleOf({ match: { name: "a*" }, allow: ["*"] }), {
      match: { name: "a*" },
      allow: ["*"],
      ...{ deny: [], policyArns: [], sessionTags: {}, transitiveTags: [] },
    });
  });
});

describe("a defaultRole that no rule lets anybody have is told", () => {
  const review = (rules: unknown) => reviewOfRules(load(JSON.stringify(rules), { defaultRole: ANY })).join("\n");
  const other = "arn:aws:iam::111122223333:role/b";

  it("each rule has its own, or refuses it", () => {
    const rules = [
      { match: { name: "a" }, allow: [other], defaultRole: other },
      { match: { name: "b" }, allow: ["*"], deny: [ANY] },
    ];
    assert.match(review(rules), new RegExp(`^defaultRole ${ANY} is for nobody: each of roleRules`, "m"));
  });

  it("not where one rule allows it, nor without rules", () => {
    assert.equal(
      review([
        { match: { name: "a" }, allow: [other] },
        { match: { name: "b" }, allow: [ANY] },
      ]),
      "",
    );
    assert.equal(review([]), "");
  });
});

describe("what is no mistake and probably not meant is said", () => {
  const review = (rules: unknown) =>
    reviewOfRules(load(JSON.stringify(rules), { accounts: '{"prod":"444455556666"}' })).join("\n");
  const allow = [ANY];
  type Row = readonly [string, unknown, RegExp];
  const everyRole = (pattern: string): Row => [
    `every role by ${pattern}`,
    [{ match: {}, allow: [pattern] }],
    /^rule 1 of roleRules allows \S+: every role in every account that lets this host in$/,
  ];
  const fitsNone = (pattern: string): Row => [
    `no role by ${pattern}`,
    [{ match: {}, allow: [ANY, pattern] }],
    /^rule 1 of roleRules has \S+, which fits no role's ARN$/,
  ];
  const rows: readonly Row[] = [
    [
      "every role in every account",
      [{ match: { name: "x" }, allow: [ANY, "*"] }],
      /^rule 1 of roleRules allows \*: every role in every account/,
    ],
    ["the same by another pattern", [{ match: {}, allow: ["arn:aws:iam::*"] }], /allows arn:aws:iam::\*: every role/],
    ...["*:role/*", "arn:*", "arn:*:iam::*:role/*", "arn:aws-cn:iam::*:role/*", "arn:aws-us-gov:iam::*:*"].map(
      everyRole,
    ),
    ...["arn:aws:iam::????????????:role/*", "?*", "*?", "arn:aws:iam::*:role/?*", "arn:aws:iam::?*?:role/**"].map(
      everyRole,
    ),
    ...[
      "arn:aws:iam::*:rol/x",
      "arn:aws:iam::11112222333:role/x",
      "arn:aws:sts::*:assumed-role/x/*",
      "arn:aws:iam:111122223333:role/x",
    ].map(fitsNone),
    [
      "a denial that fits none",
      [{ match: {}, allow, deny: ["arn:aws:iam::*:roles/*"] }],
      /^rule 1 of roleRules has arn:aws:iam::\*:roles\/\*, which fits/,
    ],
    ["a rule that allows nothing", [{ match: {}, deny: ["*"] }], /rule 1 of roleRules allows no role/],
    [
      "a rule behind one for all",
      [
        { match: {}, allow },
        { match: { name: "x" }, allow },
      ],
      /^rule 2 of roleRules is for nobody: .* rule 1 decides before it$/,
    ],
    [
      "a rule behind a broader one",
      [
        { match: { name: "a" }, allow },
        { match: { image: "red/*" }, allow },
        { match: { image: "red/app:*", name: "b*" }, allow },
      ],
      /^rule 3 .* rule 2 decides/,
    ],
    [
      "a deny that an earlier rule does not know of",
      [
        { match: { label: { team: "red" } }, allow: ["arn:aws:iam::*:role/red/*"] },
        { match: { image: "untrusted/*" }, allow: ["arn:aws:iam::*:role/x"], deny: ["*/admin"] },
      ],
      /^rule 2 of roleRules denies \*\/admin, and rule 1 before it allows some of that to containers which both are for: it decides alone$/,
    ],
    [
      "two rules for whose names, images or labels one container may fit both",
      [
        { match: { label: { team: "red-*" } }, allow: ["arn:aws:iam::*:role/red/*"] },
        { match: { name: "*-prod" }, allow: ["arn:aws:iam::*:role/prod/*"] },
        { match: { name: "ci-*", label: { team: "*-eu" } }, allow: ["arn:aws:iam::*:role/ci/*"] },
      ],
      /^rule 3 of roleRules overlaps with rule 1 and rule 2: for whoever fits both the first of them decides$/,
    ],
    [
      "the same rule twice",
      [
        { match: { label: { a: "b?" } }, allow },
        { match: { label: { a: "b?", c: "d" } }, allow },
      ],
      /^rule 2 .* rule 1/,
    ],
    [
      "a default that its rule does not allow",
      [{ match: {}, allow, defaultRole: "arn:aws:iam::111122223333:role/b" }],
      /does not allow its own defaultRole .*role\/b: it allows/,
    ],
    [
      "a default by its name, which its rule allows in no account",
      [{ match: {}, allow: ["arn:aws:iam::*:role/red/*"], defaultRole: "blue/b@prod" }],
      /does not allow its own defaultRole blue\/b@prod: it allows arn:aws:iam::\*:role\/red\/\*$/,
    ],
    [
      "a default by its name, in another account",
      [{ match: {}, allow, defaultRole: "a@444455556666" }],
      /does not allow its own defaultRole a@444455556666: it allows/,
    ],
    [
      "a default by its name, which its rule denies in every account",
      [{ match: {}, allow, deny: ["*/a"], defaultRole: "a" }],
      /does not allow its own defaultRole a: it denies \*\/a$/,
    ],
    [
      "a transitive tag that nobody sets",
      [{ match: {}, allow, transitiveTags: ["team"] }],
      /makes the tag "team" transitive/,
    ],
  ];
  for (const [what, rules, says] of rows) it(what, () => assert.match(review(rules), says));

  it("and nothing of rules that are right, also where two may both be for one container", () => {
    const rules = [
      { match: { name: "web" }, allow, deny: ["*/b"] },
      { match: { name: "web-?" }, allow, deny: ["*/a"] }, // no name is both's
      { match: { composeProject: "p", image: "red/*" }, allow: ["arn:aws:iam::*:role/red/*"] },
      { match: { composeProject: "p", image: "blue/*" }, allow, deny: ["arn:aws:iam::*:role/blue/*"] }, // nothing of it is red's
      { match: { name: "ci-*" }, allow, defaultRole: ANY },
      { match: { name: "c?-*" }, allow },
      { match: { name: "cx*-*" }, allow }, // gives what the one before gives
      { match: { network: "a*", name: "x" }, allow, defaultRole: "a", deny: ["arn:aws:iam::444455556666:role/a"] },
      { match: { network: "a*", name: "x2" }, allow: ["arn:aws:iam::4*:role/a"], defaultRole: "a@prod" },
      { match: { network: "*b", name: "y" }, allow: ["arn:aws:iam::*:role/y"] }, // no name is both's
      { match: { label: { team: "red" } }, allow, sessionTags: { Team: "red" }, transitiveTags: ["team"] },
      {
        match: { label: { team: "*" }, name: "z" },
        allow: ["arn:aws:iam::????????????:role/a*", "arn:aws:iam::1*:role/????????????"],
      },
      {
        match: { network: "n" },
        allow: ["arn:aws:iam::*:role/??????????*x", "arn:*/a:b", "arn:aws-iso:iam::?11122223333:role/a:b"],
      },
      { match: { label: { team: "*" } }, allow },
      { match: {}, allow, deny: ["*"] },
    ];
    assert.equal(review(rules), "");
  });
});
