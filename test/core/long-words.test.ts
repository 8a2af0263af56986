import assert from "node:assert/strict";
import { test } from "node:test";
import type { Failure } from "../../src/core/failure.ts";
import { type GrantSettings, grantFor, nominationOf } from "../../src/core/grant.ts";
import { ownPathsOf } from "../../src/core/own-paths.ts";
import { RuleBook } from "../../src/core/rule-book.ts";
import { parseTemplate } from "../../src/core/session-template.ts";
import { tokenDemandOf } from "../../src/core/token-demand.ts";
import type { SessionClaims, Workload, WorkloadClaim } from "../../src/core/workload.ts";
import { ANY_ROLE, refusalOf, workload } from "../support/workloads.ts";

const home = { partition: "aws", accountId: "111122223333" };
const MB = 1 << 20;
/** Of processor time, which another process of the machine does not lengthen; without the limits each takes a second or more. */
const MOST_MS = 250;

const claim = (text: string, of: string): WorkloadClaim => ({ text, place: `label taskrole.${of}` });
const tags = (count: number, text: string): NonNullable<SessionClaims["sessionTags"]> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, claim(text, `session-tags.k${i}`)]));
const web = (sessionClaims: SessionClaims, labels: Record<string, string> = {}): Workload => ({
  ...workload("web", "r"),
  sessionClaims,
  traits: { image: "red/app:1", imageId: "", labels, networks: [], userNamespace: "" },
});

function decide(of: Workload, more: Partial<GrantSettings> = {}) {
  const settings = { ...ANY_ROLE, ...more };
  return grantFor(of, nominationOf(of, settings), { settings, home });
}

function soon<T>(task: () => T): T {
  const begun = process.cpuUsage();
  const made = task();
  const { user, system } = process.cpuUsage(begun);
  const ms = (user + system) / 1_000;
  assert.ok(ms < MOST_MS, `it took ${ms} ms`);
  return made;
}

const BIG = { big: "x".repeat(20_000) };
const OPERATORS = parseTemplate("{label:big}");
assert.ok("parts" in OPERATORS);

const rows: readonly (readonly [string, Workload, string, RegExp])[] = [
  [
    "a tag that names a long label 15,000 times",
    web({ sessionTags: { x: claim("{label:big}".repeat(15_000), "session-tags.x") } }, BIG),
    "label taskrole.session-tags.x",
    /165000 characters, and at most 16384 are read/,
  ],
  [
    "a tag that names it as often as it can be written",
    web({ sessionTags: { x: claim("{label:big}".repeat(1_489), "session-tags.x") } }, BIG),
    "label taskrole.session-tags.x",
    /longer than the 256 characters/,
  ],
  ["5,000 tags", web({ sessionTags: tags(5_000, "v") }), "session tags", /there are 5000, and STS takes 50/],
  ["30,000 tags", web({ sessionTags: tags(30_000, "v") }), "session tags", /there are 30000, and STS takes 50/],
  [
    "a tag's key of megabytes",
    web({ sessionTags: { ["k".repeat(16 * MB)]: claim("v", "x") } }),
    "label taskrole.x",
    /longer than the 128 characters/,
  ],
  [
    "an external id of megabytes",
    web({ externalId: claim("a".repeat(16 * MB), "external-id") }),
    "label taskrole.external-id",
    /longer than the 1224 characters/,
  ],
  [
    "a source identity of a long label",
    web({ sourceIdentity: claim("{label:big}".repeat(1_000), "source-identity") }, BIG),
    "label taskrole.source-identity",
    /longer than the 64 characters/,
  ],
  ...(["[", `{"Version":"2012-10-17","Statement":[]}`, "é"] as const).map(
    (text) =>
      [
        `a policy of megabytes of ${text}`,
        web({ policy: claim(text.repeat((8 * MB) / text.length), "policy") }),
        "label taskrole.policy",
        /characters, and at most 16384 are read/,
      ] as const,
  ),
  [
    "policy ARNs of megabytes",
    web({ policyArns: claim("arn:aws:iam::aws:policy/A,".repeat(300_000), "policy-arns") }),
    "label taskrole.policy-arns",
    /at most 16384 are read/,
  ],
  [
    "an ARN of a policy that exhausts a pattern's stack",
    web({ policyArns: claim(`arn:aws${"-a".repeat(8_000)}`, "policy-arns") }),
    "label taskrole.policy-arns",
    /an ARN has at most 2048 characters, not 16007/,
  ],
  [
    "transitive tags of megabytes",
    web({ sessionTags: tags(50, "v"), transitiveTags: claim("k49,".repeat(2 * MB), "transitive-tags") }),
    "label taskrole.transitive-tags",
    /at most 16384 are read/,
  ],
];
for (const [what, of, place, reason] of rows)
  test(`${what} is refused at once, and the place named`, () => {
    const failure = soon(() => refusalOf(() => decide(of)));
    assert.ok(failure.kind === "bad-session", failure.kind);
    assert.equal(failure.place, place);
    assert.match(failure.reason, reason);
    assert.ok(failure.reason.length < 1_000);
  });

test("an operator's tag is refused where its label is megabytes long, and a session's name is cut", () => {
  const of = web({}, { big: "x".repeat(16 * MB) });
  const failure = soon(() => refusalOf(() => decide(of, { sessionTags: { team: OPERATORS } })));
  assert.ok(failure.kind === "bad-session");
  assert.deepEqual([failure.place, failure.reason.includes("256")], ["setting sessionTags.team", true]);
  assert.match(soon(() => decide(of, { sessionName: OPERATORS })).sessionName, /^x{51}-776562000000$/);
});

test("a role of megabytes is none, also one that exhausts a pattern's stack", () => {
  for (const text of ["a".repeat(16 * MB), `arn:aws${"-a".repeat(8 * MB)}`]) {
    const failure = soon(() => refusalOf(() => decide(workload("web", text))));
    assert.ok(failure.kind === "bad-role", failure.kind);
    assert.match(failure.reason, /: it has \d+ characters, and no role has 1024/);
    assert.ok(failure.reason.length < 1_000);
  }
});

test("labels that no rule is about cost a decision nothing", () => {
  const labels = Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`l${i}`, "v"]));
  const match = { labels: [{ label: "l7", pattern: "v" }] };
  const rule = { match, allow: ["*"], deny: [], policyArns: [], sessionTags: {}, transitiveTags: [] };
  const { decidedBy } = soon(() => decide(web({}, labels), { roleRules: new RuleBook([rule]) }));
  assert.equal(decidedBy.rule, 1);
});

test("of what a container wrote for the metadata so much is read as says something", () => {
  const ofPaths = (text: string) => ({ ...workload("web"), pathsClaim: claim(text, "metadata") });
  const tooLong: Failure = {
    kind: "bad-paths",
    workload: "web",
    place: "label taskrole.metadata",
    reason: '"dynamic/a,dynamic/a,dynamic/a,dynamic/a,…": it has 10485760 characters, and at most 4096 are read',
  };
  assert.deepEqual(
    soon(() => refusalOf(() => ownPathsOf(ofPaths("dynamic/a,".repeat(MB))))),
    tooLong,
  );
  assert.equal(ownPathsOf(ofPaths("dynamic/a,".repeat(409)))?.length, 409);
  const ofTokens = { ...workload("web"), tokensClaim: claim("é".repeat(8 * MB), "tokens") };
  const failure = soon(() => refusalOf(() => tokenDemandOf(ofTokens, "optional")));
  assert.equal(failure.kind === "bad-tokens" && failure.text.length, 200);
});
