import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, describe, it } from "node:test";
import { explainRefusal } from "../../src/audit/explain-refusal.ts";
import { Refusal } from "../../src/core/failure.ts";
import type { Grant } from "../../src/core/grant.ts";
import { startMockEc2 } from "../../src/mock-ec2/mock-ec2.ts";
import { stsRefusal } from "../../src/sts/sts-failure.ts";
import { StsIssuer, type StsOptions } from "../../src/sts/sts-issuer.ts";
import { hostCredentials } from "../../src/upstream/host-credentials.ts";
import { UpstreamClient } from "../../src/upstream/upstream-client.ts";
import { refused } from "../support/workloads.ts";
import { type Behaviour, callerIdentity, errorDocument, type FakeSts, fakeSts, session } from "./fake-sts.ts";
import { GRANT, LIMITS, outcomeOf, SIGNING } from "./wire-driver.ts";

const mock = await startMockEc2({});
after(() => mock.close());
const upstream = new UpstreamClient({ url: mock.metadataUrl, now: Date.now, timeoutMs: 900 });

const grant = (more: Partial<Grant> = {}): Grant => ({
  roleArn: "arn:aws:iam::111122223333:role/team/reader",
  roleName: "reader",
  sessionName: "web-0123456789ab",
  sessionSeconds: 900,
  sessionKey: "k",
  decidedBy: { place: "label taskrole.role" },
  ...more,
});
const issuer = (endpoint = mock.stsUrl, signing = () => hostCredentials(upstream)) =>
  new StsIssuer({ region: () => Promise.resolve("us-east-1"), endpoint, hostCredentials: signing, now: Date.now });

const parts = (sts: FakeSts, hostCredentials: StsOptions["hostCredentials"]): StsOptions => ({
  region: () => Promise.resolve("us-east-1"),
  endpoint: `http://127.0.0.1:${sts.port}`,
  hostCredentials,
  now: Date.now,
  timeLimits: LIMITS,
});
const wired = (sts: FakeSts, hostCredentials: StsOptions["hostCredentials"]) =>
  new StsIssuer(parts(sts, hostCredentials));

/** An EC2 whose clock differs from this host's, in milliseconds; its host's keys are of its own time. */
async function ec2WithClock(by: number | (() => number)) {
  const aheadMs = typeof by === "number" ? () => by : by;
  const ec2 = await startMockEc2({ now: () => Date.now() + aheadMs(), hostCredentialsLifetimeMs: 24 * 3_600_000 });
  const own = new UpstreamClient({ url: ec2.metadataUrl, now: Date.now, timeoutMs: 900 });
  const region = (await own.get("latest/meta-data/placement/region"))?.toString("utf8") ?? "";
  return {
    parts: {
      region: () => Promise.resolve(region),
      endpoint: ec2.stsUrl,
      hostCredentials: () => hostCredentials(own),
      now: Date.now,
    } satisfies StsOptions,
    [Symbol.asyncDispose]: () => ec2.close(),
  };
}

describe("StsIssuer, AWS's own SDK against a service that checks signatures", () => {
  it("issues a session of the role, under the session's name and duration", async () => {
    const before = Date.now();
    const credentials = await issuer().issue(grant(), () => assert.fail("there is one call"));
    assert.match(credentials.accessKeyId, /^ASIA/);
    assert.ok(Math.abs(credentials.expiresAt - before - 900_000) < 10_000);
    assert.ok(credentials.issuedAt >= before);
    const { STSClient, GetCallerIdentityCommand } = await import("@aws-sdk/client-sts");
    const { Arn } = await new STSClient({ region: "us-east-1", endpoint: mock.stsUrl, credentials }).send(
      new GetCallerIdentityCommand({}),
    );
    assert.equal(Arn, "arn:aws:sts::111122223333:assumed-role/reader/web-0123456789ab");
  });

  it("says denied when STS refuses for good, with STS's code and not the SDK's words", async () => {
    const failure = await refused(issuer().issue(grant({ sessionName: "x" })));
    assert.deepEqual([failure.kind, (failure as { code?: string }).code], ["sts-denied", "ValidationError"]);
  });

  it("says unavailable when nobody answers there", async () => {
    const failure = await refused(issuer("http://127.0.0.1:1").issue(grant()));
    assert.deepEqual([failure.kind, (failure as { code?: string }).code], ["sts-unavailable", "ECONNREFUSED"]);
  });

  it("passes on that the host's own credentials are missing", async () => {
    const lost = () =>
      Promise.reject(new Refusal({ kind: "upstream-unavailable", what: "w", reason: "no instance profile" }));
    assert.equal((await refused(issuer(undefined, lost).issue(grant()))).kind, "upstream-unavailable");
  });

  it("has the host's credentials read ahead of the first call, and knows who the host is", async () => {
    let asked = 0;
    const warmed = issuer(undefined, () => {
      asked += 1;
      return hostCredentials(upstream);
    });
    const { arn } = await warmed.warm();
    assert.equal(asked, 1);
    assert.match(arn ?? "", /^arn:aws:sts::\d{12}:assumed-role\/[^/]+\/i-[0-9a-f]+$/);
  });

  it("says ahead of the first call that the host has no credentials", async () => {
    const lost = () =>
      Promise.reject(new Refusal({ kind: "upstream-unavailable", what: "w", reason: "no instance profile" }));
    assert.equal((await refused(issuer(undefined, lost).warm())).kind, "upstream-unavailable");
  });

  it("tries again with a new client after the region could not be learned", async () => {
    let asked = 0;
    const flaky = new StsIssuer({
      region: () => {
        asked += 1;
        return asked === 1 ? Promise.reject(new Error("not yet")) : Promise.resolve("us-east-1");
      },
      endpoint: mock.stsUrl,
      hostCredentials: () => hostCredentials(upstream),
      now: Date.now,
    });
    await refused(flaky.issue(grant()));
    assert.match((await flaky.issue(grant())).accessKeyId, /^ASIA/);
  });
});

describe("StsIssuer and the host's own credentials", () => {
  const keys = (accessKeyId: string) => ({ ...SIGNING, accessKeyId });
  /** Refuses whatever is not signed with this key. */
  const takesOnly =
    (accessKeyId: string, code: string): Behaviour =>
    ({ request, response }) => {
      const isTaken = request.headers.authorization?.includes(`Credential=${accessKeyId}/`);
      response.writeHead(isTaken ? 200 : 403).end(isTaken ? session({ id: "ASIAGOOD" }) : errorDocument(code));
    };

  for (const code of ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"]) {
    it(`has them read afresh after ${code}, and tries once more in the same flight`, async () => {
      await using sts = await fakeSts({ "": takesOnly("ASIANEW", code) });
      const refusals: (string | undefined)[] = [];
      const renewing = wired(sts, (refused) => {
        refusals.push(refused?.accessKeyId);
        return Promise.resolve(keys(refused ? "ASIANEW" : "ASIAOLD"));
      });
      const told: (number | undefined)[] = [];
      const onSecondTry = () => void told.push(sts.calls.get(""));
      assert.equal((await renewing.issue(GRANT, onSecondTry)).accessKeyId, "ASIAGOOD");
      assert.deepEqual(refusals, [undefined, "ASIAOLD"]);
      assert.deepEqual(told, [1], "after the first call, before the second");
    });
  }

  it("gives up after the second try, and says which code it was", async () => {
    await using sts = await fakeSts({ "": takesOnly("ASIANEVER", "ExpiredToken") });
    assert.equal(
      (await outcomeOf(wired(sts, () => Promise.resolve(keys("ASIAOLD"))))).text,
      "sts-unavailable ExpiredToken",
    );
    assert.equal(sts.calls.get(""), 2);
  });

  it("passes on that they could not be read afresh", async () => {
    await using sts = await fakeSts({ "": takesOnly("ASIANEW", "ExpiredToken") });
    const lost = new Refusal({ kind: "upstream-unavailable", what: "w", reason: "silent" });
    const renewing = wired(sts, (refused) => (refused ? Promise.reject(lost) : Promise.resolve(keys("ASIAOLD"))));
    assert.equal((await refused(renewing.issue(GRANT))).kind, "upstream-unavailable");
  });

  it("signs the next call with new ones as soon as there are any", async () => {
    const signedWith: (string | undefined)[] = [];
    await using sts = await fakeSts({
      "": ({ request, response }) => {
        signedWith.push(/Credential=(\w+)/.exec(request.headers.authorization ?? "")?.[1]);
        response.end(session({ id: "ASIAGOOD" }));
      },
    });
    let current = keys("ASIAONE");
    const signing = wired(sts, () => Promise.resolve(current));
    await signing.issue(GRANT);
    current = keys("ASIATWO");
    await signing.issue(GRANT);
    assert.deepEqual(signedWith, ["ASIAONE", "ASIATWO"]);
  });

  it("names the role that they are of when they were another's at the start, and asks who that is once for each set", async () => {
    let identities = 0;
    await using sts = await fakeSts({
      "": ({ request, response }) => {
        const [, keyId = ""] = /Credential=(\w+)/.exec(request.headers.authorization ?? "") ?? [];
        const isIdentity = Number(request.headers["content-length"]) < 100;
        if (isIdentity) identities += 1;
        const arn = `arn:aws:sts::111122223333:assumed-role/host-${keyId}/i-1`;
        if (isIdentity) response.end(callerIdentity(arn));
        else response.writeHead(403).end(errorDocument("AccessDenied", `User: ${arn} is not authorized`));
      },
    });
    let current = keys("ASIAONE");
    const exchanged = wired(sts, () => Promise.resolve(current));
    await exchanged.warm();
    const named = async () => (await refused(exchanged.issue(GRANT))) as { callerArn?: string };
    assert.match((await named()).callerArn ?? "", /host-ASIAONE/);
    current = keys("ASIATWO");
    for (const { callerArn } of [...(await Promise.all([named(), named()])), await named()]) {
      assert.match(callerArn ?? "", /host-ASIATWO/);
    }
    assert.equal(identities, 2);
  });

  it("ends the flight though they never come", { timeout: 30_000 }, async () => {
    await using sts = await fakeSts({});
    const waiting = new StsIssuer({
      ...parts(sts, () => new Promise(() => {})),
      timeLimits: { ...LIMITS, flightMs: 200 },
    });
    assert.equal((await outcomeOf(waiting)).text, "sts-unavailable flight-timeout");
  });
});

describe("StsIssuer and the size of sessions, which only STS knows", () => {
  /** Its text alone is this long. */
  const policyOf = (length: number): string => {
    const [head, tail] = [
      '{"Version":"2012-10-17","Statement":[{"Sid":"',
      '","Effect":"Allow","Action":"*","Resource":"*"}]}',
    ];
    return `${head}${"a".repeat(length - head.length - tail.length)}${tail}`;
  };
  const told: (readonly [string, number])[] = [];
  const telling = new StsIssuer({
    ...{ region: () => Promise.resolve("us-east-1"), endpoint: mock.stsUrl, now: Date.now },
    hostCredentials: () => hostCredentials(upstream),
    onNearlyFull: ({ roleName }, percent) => told.push([roleName, percent]),
  });

  it("tells of one that is nearly as large as STS takes, and of no smaller one", async () => {
    await telling.issue(grant({ policy: policyOf(1_800) }));
    assert.deepEqual(told, []);
    await telling.issue(grant({ policy: policyOf(1_900) }));
    assert.deepEqual(told, [["reader", 93]]);
  });

  it("explains one that is larger", async () => {
    const tags = Array.from({ length: 50 }, (_, i) => [`k${i}`, randomBytes(120).toString("hex")] as const);
    const error = await telling.issue(grant({ tags: Object.fromEntries(tags) })).catch((caught: unknown) => caught);
    const { reason, remedy } = { reason: "", remedy: "", ...explainRefusal(error) };
    assert.match(`${reason}`, /PackedPolicyTooLarge/);
    assert.match(`${remedy}`, /^policy, policyArns and tags of this session are too large together/);
  });
});

describe("StsIssuer on a host whose clock is wrong", () => {
  const HOUR = 3_600_000;

  for (const [where, by] of [
    ["behind", HOUR],
    ["ahead", -HOUR],
  ] as const) {
    it(`gets a session for each of twelve who ask at once, the clock being an hour ${where}`, async () => {
      await using ec2 = await ec2WithClock(by);
      const told: number[] = [];
      // Only what STS's clock says is shifted: the host's own would make the mock's keys expired.
      const skewed = new StsIssuer({
        ...ec2.parts,
        now: () => Date.now() - 2 * HOUR,
        onClockSkew: (ms) => told.push(ms),
      });
      const names = Array.from({ length: 12 }, (_, i) => `web-${i}`);
      const sessions = await Promise.all(names.map((sessionName) => skewed.issue(grant({ sessionName }))));
      assert.equal(new Set(sessions.map(({ accessKeyId }) => accessKeyId)).size, 12);
      assert.equal(told.length, 1);
      assert.ok(Math.abs((told[0] ?? 0) - by) < 10_000, `${told[0]}`);
    });
  }

  it("gets over a jump of an hour between two rounds, and says the new size once", async () => {
    let by = 0;
    await using ec2 = await ec2WithClock(() => by);
    const told: number[] = [];
    const skewed = new StsIssuer({ ...ec2.parts, onClockSkew: (ms) => told.push(Math.round(ms / HOUR)) });
    const round = () => Promise.all([1, 2, 3, 4].map((i) => skewed.issue(grant({ sessionName: `web-${i}` }))));
    await round();
    by = HOUR;
    await round();
    await round();
    by = 2 * HOUR;
    await round();
    assert.deepEqual(told, [1, 2]);
  });

  it("signs by STS's clock at once with new credentials of the host, too", async () => {
    await using sts = await fakeSts({
      "": ({ request, response }) => {
        const signed = String(request.headers["x-amz-date"]).replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5");
        const isOff = Math.abs(Date.parse(signed) - Date.now() - HOUR) > 300_000;
        response.setHeader("Date", new Date(Date.now() + HOUR).toUTCString());
        response
          .writeHead(isOff ? 403 : 200)
          .end(isOff ? errorDocument("SignatureDoesNotMatch") : session({ id: "ASIAGOOD" }));
      },
    });
    let accessKeyId = "ASIAONE";
    const skewed = wired(sts, () => Promise.resolve({ ...SIGNING, accessKeyId }));
    await skewed.issue(GRANT);
    assert.equal(sts.calls.get(""), 2);
    accessKeyId = "ASIATWO";
    await skewed.issue(GRANT);
    assert.equal(sts.calls.get(""), 3);
  });

  it("refuses a session that is over by this host's clock, and says by which time", async () => {
    await using ec2 = await ec2WithClock(-2 * HOUR);
    const error: unknown = await new StsIssuer(ec2.parts).issue(grant()).catch((reason: unknown) => reason);
    assert.ok(error instanceof Refusal && error.cause instanceof Error);
    assert.equal((error.failure as { code?: string }).code, "clock-ahead");
    assert.match(error.cause.message, /^the session ends at \S+Z, and by this host's clock it is \S+Z$/);
  });
});

describe("stsRefusal", () => {
  const rows = [
    { error: { name: "AccessDenied" }, kind: "sts-denied", because: "a policy is missing" },
    { error: { name: "MalformedPolicyDocument" }, kind: "sts-denied", because: "a setting is wrong" },
    { error: { name: "RegionDisabledException" }, kind: "sts-denied", because: "STS is off there" },
    { error: { name: "Throttling" }, kind: "sts-throttled", because: "it passes when it is asked less" },
    {
      error: { name: "ExpiredTokenException" },
      kind: "sts-unavailable",
      because: "the host's credentials are renewed",
    },
    { error: { name: "Error", code: "ECONNRESET" }, kind: "sts-unavailable", because: "the network" },
    { error: new Error("AccessDenied"), kind: "sts-unavailable", because: "a message's text decides nothing" },
    { error: undefined, kind: "sts-unavailable", because: "nothing is known" },
    {
      error: { name: "ServiceUnavailable", $metadata: { httpStatusCode: 503 }, $response: { headers: {} } },
      kind: "sts-unavailable",
      because: "it may be over at once",
    },
    {
      error: {
        name: "ServiceUnavailable",
        $metadata: { httpStatusCode: 503 },
        $response: { headers: { "retry-after": "5" } },
      },
      kind: "sts-throttled",
      because: "it says when to come again",
    },
  ];
  for (const { error, kind, because } of rows) {
    it(`calls ${JSON.stringify(error)} ${kind}: ${because}`, () =>
      assert.equal(stsRefusal({ roleArn: "arn:r", now: 0 }, error).failure.kind, kind));
  }
});
