import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Failure } from "../../src/core/failure.ts";
import { type Grant, type GrantSettings, grantFor, nominationOf } from "../../src/core/grant.ts";
import type { RoleRule } from "../../src/core/role-rule.ts";
import { RuleBook } from "../../src/core/rule-book.ts";
import { parseSessionPolicy, type SessionPolicy } from "../../src/core/session-policy.ts";
import { parseTemplate, type SessionTemplate } from "../../src/core/session-template.ts";
import type { SessionClaims, Workload, WorkloadClaim } from "../../src/core/workload.ts";
import { ANY_ROLE, refusalOf, workload } from "../support/workloads.ts";

const home = { partition: "aws", accountId: "111122223333" };
const ID = workload("web").id.slice(0, 12);

const template = (text: string): SessionTemplate => {
  const parsed = parseTemplate(text);
  return "parts" in parsed ? parsed : assert.fail(parsed.reason);
};
const policy = (text: string): SessionPolicy => {
  const parsed = parseSessionPolicy(text);
  return "text" in parsed ? parsed : assert.fail(parsed.reason);
};
const claim = (text: string, of = "x"): WorkloadClaim => ({ text, place: `label taskrole.${of}` });

/** Its role is "r" unless it names none. */
const web = (claims: SessionClaims, labels: Record<string, string> = {}, name = "web"): Workload => ({
  ...workload(name, "r"),
  sessionClaims: claims,
  traits: { image: "red/app:1", imageId: "", labels, networks: [], userNamespace: "" },
});
const grant = (of: Workload, more: Partial<GrantSettings> = {}): Grant => {
  const settings = { ...ANY_ROLE, ...more };
  return grantFor(of, nominationOf(of, settings), { settings, home });
};
const rule = (more: Partial<RoleRule>): Partial<GrantSettings> => ({
  roleRules: new RuleBook([
    { match: {}, allow: ["*"], deny: [], policyArns: [], sessionTags: {}, transitiveTags: [], ...more },
  ]),
});
function refusal(task: () => unknown): Extract<Failure, { kind: "bad-session" }> {
  const failure = refusalOf(task);
  return failure.kind === "bad-session" ? failure : assert.fail(failure.kind);
}
const tagsOf = (texts: Record<string, string>): Record<string, WorkloadClaim> =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, claim(text, `session-tags.${key}`)]));

const ALLOW = '{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}]}';
const DENY =
  '{"Version": "2012-10-17", "Statement": {"Sid": "a", "Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}}';
const MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess";

describe("what a workload says of its session is asked of STS in its own parameter", () => {
  it("external id, source identity, policy, policy ARNs, tags, and those that stay", () => {
    const {
      externalId,
      sourceIdentity,
      policy: inline,
      policyArns,
      tags,
      transitiveTagKeys,
    } = grant(
      web(
        {
          externalId: claim("a/b:c"),
          sourceIdentity: claim("{container.name}@{host}"),
          policy: claim(DENY),
          policyArns: claim(`${MANAGED}, arn:aws:iam::111122223333:policy/p`),
          sessionTags: tagsOf({ Branch: "{label:branch}", Team: "red" }),
          transitiveTags: claim("branch"),
        },
        { branch: "main" },
      ),
    );
    assert.deepEqual(
      { externalId, sourceIdentity, inline, policyArns, tags, transitiveTagKeys },
      {
        externalId: "a/b:c",
        sourceIdentity: "web@host-1",
        inline: JSON.stringify(JSON.parse(DENY)),
        policyArns: [MANAGED, "arn:aws:iam::111122223333:policy/p"],
        tags: { Branch: "main", Team: "red" },
        transitiveTagKeys: ["Branch"],
      },
    );
  });

  it("says nothing of what it was not told", () => {
    const { roleArn: _, roleName: __, sessionKey: ___, decidedBy: ____, ...rest } = grant(web({}));
    assert.deepEqual(rest, { sessionName: `web-${ID}`, sessionSeconds: 3600 });
  });

  it("each of them is in the session key", () => {
    const all: readonly SessionClaims[] = [
      {},
      { externalId: claim("ab") },
      { sourceIdentity: claim("ab") },
      { policy: claim(ALLOW) },
      { policyArns: claim(MANAGED) },
      { sessionName: claim("other") },
      { sessionTags: tagsOf({ a: "b" }) },
      { sessionTags: tagsOf({ a: "c" }) },
      { sessionTags: tagsOf({ b: "b" }) },
      { sessionTags: tagsOf({ a: "b" }), transitiveTags: claim("a") },
    ];
    const keys = all.map((claims) => grant(web(claims)).sessionKey);
    assert.equal(new Set(keys).size, all.length);
  });
});

describe("a session's name", () => {
  const named = (text: string, of = web({}, { team: "red" })) => grant(of, { sessionName: template(text) }).sessionName;

  it("is the operator's template, and always holds the container's id", () => {
    assert.equal(named("{label:team}.{container.id}.{container.name}"), `red.${ID}.web`);
    assert.equal(named("{host}"), `host-1-${ID}`);
    assert.equal(named("{image}"), `red-app-1-${ID}`);
    assert.equal(named("{label:none}"), `container-${ID}`);
    assert.equal(named("{label:constructor}"), `container-${ID}`, "of labels only its own");
  });

  it("may be a variable's value; without one it is still a name", () => {
    const of = (variables?: Record<string, string>) => {
      const { traits, ...rest } = web({});
      return { ...rest, ...(traits && { traits: { ...traits, ...(variables && { variables }) } }) };
    };
    assert.equal(named("{env:STAGE}", of({ STAGE: "a b/ü" })), `a-b---${ID}`);
    assert.equal(named("{env:STAGE}.{host}", of({ STAGE: "{host}" })), `-host-.host-1-${ID}`, "no template itself");
    for (const variables of [undefined, {}, { STAGE: "" }, { OTHER: "x" }])
      assert.equal(named("{env:STAGE}", of(variables)), `container-${ID}`);
    assert.equal(named("{env:constructor}", of({ STAGE: "x" })), `container-${ID}`, "of variables only its own");
    assert.equal(named("{env:STAGE}", workload("web", "r")), `container-${ID}`, "of one that no engine knows");
  });

  it("may be the container's own, and then holds its id no less", () => {
    assert.equal(named("{host}", web({ sessionName: claim("build {label:n}") }, { n: "7" })), `build-7-${ID}`);
    assert.equal(named("{host}", web({ sessionName: claim("web-0123456789ab") })), `web-0123456789ab-${ID}`);
  });

  it("is what STS takes, whatever stands in a name, a label or an image", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 90 }), fc.string({ unit: "binary" }), (name, label) => {
        const made = named("{container.name}/{label:x}/{image}", web({}, { x: label }, name));
        assert.match(made, /^[\w+=,.@-]{2,64}$/);
        assert.ok(made.includes(workload(name).id.slice(0, 12)));
      }),
    );
  });
});

describe("a template", () => {
  for (const [text, reason] of [
    ["{container}", /no \{container\}: there are \{container\.name\}/],
    ["{label:}", /there is no \{label:\}/],
    ["{container.name", /"\{" without its other half/],
    ["a}", /"\}" without its other half/],
    ["{{host}}", /"\{" without its other half/],
    ["{env:}", /there is no \{env:\}/],
    ["{env:A=b}", /there is no \{env:A=b\}/],
    ["{env:STAGE}", /\{env:STAGE\} is for the operator's templates alone/],
    ["{env:AWS_SECRET_ACCESS_KEY}", /\{env:AWS_SECRET_ACCESS_KEY\} would tell a secret/],
    ["{env:AWS_SESSION_TOKEN}", /would tell a secret/],
    ["{env:AWS_CONTAINER_AUTHORIZATION_TOKEN}", /would tell a secret/],
  ] as const)
    it(`${text} is refused`, () =>
      assert.match(refusal(() => grant(web({ sessionName: claim(text) }))).reason, reason));

  it("does not read what stands in for a place as a template", () => {
    const { tags } = grant(web({ sessionTags: tagsOf({ a: "{label:x}" }) }, { x: "-container.name-" }, "secret"));
    assert.deepEqual(tags, { a: "-container.name-" });
    const brace = refusal(() => grant(web({ sessionTags: tagsOf({ a: "{label:x}" }) }, { x: "{container.name}" })));
    assert.match(brace.reason, /character "\{"/);
  });

  it("of the operator's leaves a tag out where the variable is missing", () => {
    const sessionTags = { stage: template("{env:STAGE}"), host: template("{host}") };
    const { traits, ...rest } = web({});
    assert.deepEqual(grant({ ...rest, ...(traits && { traits }) }, { sessionTags }).tags, { host: "host-1" });
    const known = { ...rest, ...(traits && { traits: { ...traits, variables: { STAGE: "test" } } }) };
    assert.deepEqual(grant(known, { sessionTags }).tags, { stage: "test", host: "host-1" });
  });

  it("of the operator's leaves a tag out where the label is missing; of the workload's own is refused", () => {
    const sessionTags = { team: template("{label:team}"), host: template("{host}") };
    assert.deepEqual(grant(web({}), { sessionTags }).tags, { host: "host-1" });
    assert.deepEqual(grant(web({}, { team: "red" }), { sessionTags }).tags, { team: "red", host: "host-1" });
    assert.match(
      refusal(() => grant(web({ sessionTags: tagsOf({ a: "{label:b}" }) }))).reason,
      /label that the container/,
    );
  });
});

describe("what STS would not take is refused before, with its place", () => {
  const rows: readonly (readonly [string, SessionClaims, string, RegExp])[] = [
    ["a character in an external id", { externalId: claim("a b", "external-id") }, "external-id", /character U\+0020/],
    ["another", { externalId: claim("aé", "external-id") }, "external-id", /character "é" \(U\+00E9\)/],
    ["a short external id", { externalId: claim("a", "external-id") }, "external-id", /has 1 characters, and needs 2/],
    [
      "a long external id",
      { externalId: claim("a".repeat(1225), "external-id") },
      "external-id",
      /1225 .* may have 1224/,
    ],
    [
      "an empty source identity",
      { sourceIdentity: claim("", "source-identity") },
      "source-identity",
      /has 0 characters/,
    ],
    ["AWS's own words", { sourceIdentity: claim("AWS:x", "source-identity") }, "source-identity", /AWS keeps/],
    ["no JSON", { policy: claim("{", "policy") }, "policy", /not JSON/],
    ["no policy", { policy: claim("[]", "policy") }, "policy", /is an object/],
    ["a strange key", { policy: claim('{"Statment":[]}', "policy") }, "policy", /no "Statment"/],
    ["no statement", { policy: claim('{"Statement":[]}', "policy") }, "policy", /needs a Statement/],
    [
      "a character that policies cannot have",
      { policy: claim(ALLOW.replace('"a"', '"\u4e2d"'), "policy") },
      "policy",
      /"中"/,
    ],
    [
      "a principal",
      { policy: claim(ALLOW.replace('"Sid":"a"', '"Principal":"*"'), "policy") },
      "policy",
      /"Principal"/,
    ],
    [
      "a policy that is too long",
      { policy: claim(ALLOW.replace("s3:*", "s".repeat(2048)), "policy") },
      "policy",
      /2142 .*2048/,
    ],
    ["no policy ARN", { policyArns: claim("ReadOnly", "policy-arns") }, "policy-arns", /"ReadOnly" is no ARN/],
    ["none at all", { policyArns: claim(" ", "policy-arns") }, "policy-arns", /names no policy/],
    ["eleven policies", { policyArns: claim(`${MANAGED} `.repeat(11), "policy-arns") }, "policy-arns", /11 policies/],
    ["a tag's value", { sessionTags: tagsOf({ a: "x;y" }) }, "session-tags.a", /character ";"/],
    ["a tag's key", { sessionTags: tagsOf({ "a#": "x" }) }, "session-tags.a#", /character "#"/],
    ["an empty tag key", { sessionTags: tagsOf({ "": "x" }) }, "session-tags.", /0 characters/],
    ["AWS's own tag", { sessionTags: tagsOf({ "aws:x": "x" }) }, "session-tags.aws:x", /AWS keeps/],
    ["the same key twice", { sessionTags: tagsOf({ a: "x", A: "y" }) }, "session-tags.A", /tag "A"/],
    [
      "a transitive tag that is none",
      { transitiveTags: claim("b", "transitive-tags") },
      "transitive-tags",
      /no tag "b"/,
    ],
  ];
  for (const [what, claims, place, reason] of rows)
    it(what, () => {
      const failure = refusal(() => grant(web(claims)));
      assert.equal(failure.place, `label taskrole.${place}`);
      assert.match(failure.reason, reason);
    });

  it("more tags than STS takes", () => {
    const many = tagsOf(Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, ""])));
    assert.match(refusal(() => grant(web({ sessionTags: many }))).reason, /there are 51, and STS takes 50/);
  });
});

describe("the operator's tags", () => {
  it("cannot be overruled, however the workload spells the key", () => {
    const sessionTags = { Team: template("red") };
    const failure = refusal(() => grant(web({ sessionTags: tagsOf({ team: "blue" }) }), { sessionTags }));
    assert.deepEqual(
      [failure.place, failure.reason],
      ["label taskrole.session-tags.team", 'the tag "team" is set already'],
    );
  });

  it("cannot be supplied by a workload that lacks what the template names", () => {
    const missing = template("{label:team}");
    for (const settings of [{ sessionTags: { team: missing } }, rule({ sessionTags: { TEAM: missing } })]) {
      assert.equal(grant(web({}), settings).tags, undefined);
      const failure = refusal(() => grant(web({ sessionTags: tagsOf({ team: "admin" }) }), settings));
      assert.match(failure.reason, /the tag "team" is set already/);
    }
  });

  it("of a rule take the place of the setting's, and stay where they are to", () => {
    const made = grant(web({ sessionTags: tagsOf({ own: "1" }) }), {
      sessionTags: { team: template("all"), host: template("{host}") },
      transitiveTags: ["host", "missing"],
      ...rule({ sessionTags: { TEAM: template("red") }, transitiveTags: ["team"] }),
    });
    assert.deepEqual(made.tags, { host: "host-1", TEAM: "red", own: "1" });
    assert.deepEqual(made.transitiveTagKeys, ["host", "TEAM"]);
  });
});

describe("a rule's ceiling", () => {
  const ceiling = rule({ policy: policy(ALLOW), policyArns: [MANAGED] });

  it("is in every session of the rule", () => {
    const { policy: inline, policyArns } = grant(web({}), ceiling);
    assert.deepEqual([inline, policyArns], [ALLOW, [MANAGED]]);
  });

  it("is kept beside a policy of the workload's that only denies, without the names that may stand once", () => {
    const { policy: inline = "", policyArns } = grant(web({ policy: claim(DENY) }), ceiling);
    assert.deepEqual(JSON.parse(inline), {
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Action: "s3:*", Resource: "*" },
        { Effect: "Deny", Action: "s3:Put*", Resource: "*" },
      ],
    });
    assert.deepEqual(policyArns, [MANAGED]);
  });

  it("is not kept beside one that denies and allows", () => {
    const both = JSON.stringify({ Statement: [JSON.parse(DENY).Statement, JSON.parse(ALLOW).Statement[0]] });
    assert.match(refusal(() => grant(web({ policy: claim(both) }), ceiling)).reason, /may only hold Deny/);
  });

  it("leaves no room for what would add to it: STS takes session policies together", () => {
    assert.match(refusal(() => grant(web({ policy: claim(ALLOW) }), ceiling)).reason, /may only hold Deny/);
    assert.match(refusal(() => grant(web({ policyArns: claim(MANAGED) }), ceiling)).reason, /may only hold Deny/);
    const managed = rule({ policyArns: [MANAGED] });
    assert.match(refusal(() => grant(web({ policy: claim(ALLOW) }), managed)).reason, /may only hold Deny/);
    assert.equal(grant(web({ policy: claim(DENY) }), managed).policy, JSON.stringify(JSON.parse(DENY)));
  });

  it("is the rule's alone: the defaultPolicy does not widen it", () => {
    const { roleClaim: _, ...plain } = web({});
    const settings = { defaultRole: "base", defaultPolicy: policy(DENY) };
    assert.equal(grant(plain, { ...settings, ...ceiling }).policy, ALLOW);
    assert.equal(grant(plain, settings).policy, JSON.stringify(JSON.parse(DENY)));
    assert.equal(grant(web({}), settings).policy, undefined, "it names a role of its own");
    assert.equal(grant({ ...plain, sessionClaims: { policy: claim(ALLOW) } }, settings).policy, ALLOW);
  });
});
