import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { loadConfig } from "../../src/app/config.ts";
import type { Config } from "../../src/app/options.ts";
import { reloadableSts } from "../../src/app/reloadable-sts.ts";
import { STS_PACE } from "../../src/broker/paced-issuer.ts";
import { Refusal } from "../../src/core/failure.ts";
import { type Behaviour, errorDocument, type FakeSts, fakeSts, session } from "../sts/fake-sts.ts";
import { GRANT } from "../sts/wire-driver.ts";
import { refused } from "../support/workloads.ts";

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const IDENTITY = { partition: "aws", accountId: "111122223333", region: "eu-west-1" };
const ROLE = "latest/meta-data/iam/security-credentials/";
const HOST_KEYS = {
  Code: "Success",
  AccessKeyId: "ASIAHOST",
  SecretAccessKey: "host-secret",
  Token: "host-token",
  Expiration: "2999-01-01T00:00:00Z",
};

const says =
  (id: string): Behaviour =>
  ({ response }) =>
    void response.end(session({ id }));
const isBusy: Behaviour = ({ response }) =>
  void response.writeHead(400, { "Retry-After": "600" }).end(errorDocument("Throttling"));

const isBroken: Behaviour = ({ response }) => void response.writeHead(500).end();

/** STS in use at the first of two places, on a host whose metadata service fails on command. */
async function bench(t: TestContext, [here, there]: readonly [Behaviour, Behaviour]) {
  const [first, second] = await Promise.all([fakeSts({ "": here }), fakeSts({ "": there })]);
  const at = ({ port }: FakeSts): Config =>
    loadConfig({
      file: "/dev/null",
      environment: {},
      flags: { region: "eu-west-1", stsEndpoint: `http://127.0.0.1:${port}` },
    });
  const metadata = { isDown: false, reads: 0 };
  const get = (what: string): Promise<Buffer> => {
    metadata.reads += 1;
    if (metadata.isDown) return Promise.reject(new Refusal({ kind: "upstream-unavailable", what, reason: "down" }));
    return Promise.resolve(Buffer.from(what === ROLE ? "host" : JSON.stringify(HOST_KEYS)));
  };
  const identity = { get: () => Promise.resolve(IDENTITY) };
  const sts = reloadableSts({ config: at(first), log: SILENT, upstream: { get }, identity, now: Date.now });
  for (const service of sts.services) await service.start();
  t.after(async () => {
    for (const service of sts.services) await service.stop();
    await Promise.all([first, second].map((one) => one[Symbol.asyncDispose]()));
  });
  const issue = async () => (await sts.issuer.issue(GRANT, "awaited")).accessKeyId;
  return { sts, issue, metadata, move: () => sts.apply(at(second)) };
}

test("STS is moved while the metadata service is down: the host's own credentials in hand sign the calls there", async (t) => {
  const { issue, metadata, move } = await bench(t, [says("ASIAHERE"), says("ASIATHERE")]);
  assert.equal(await issue(), "ASIAHERE");
  metadata.isDown = true;
  const { reads } = metadata;
  move();
  assert.equal(await issue(), "ASIATHERE");
  assert.equal(metadata.reads, reads);
});

test("STS is moved while it wants to be left alone: the next place is asked at once", {
  timeout: 30_000,
}, async (t) => {
  const { issue, move } = await bench(t, [isBusy, says("ASIATHERE")]);
  assert.equal((await refused(issue())).kind, "sts-throttled");
  const waiting = issue();
  move();
  assert.equal(await waiting, "ASIATHERE");
});

test("a broken STS is asked twice for each session, and all in all no faster than the pace", {
  timeout: 30_000,
}, async (t) => {
  const { sts } = await bench(t, [isBroken, isBroken]);
  const sessions = 150;
  const startedAt = performance.now();
  const issue = (number: number) => refused(sts.issuer.issue({ ...GRANT, sessionKey: `${number}` }, "awaited"));
  await Promise.all(Array.from({ length: sessions }, (_, number) => issue(number)));
  // A burst of first calls waits for nothing, and as many second ones are paid for by nobody after them.
  const leastMs = ((2 * sessions - 2 * STS_PACE.burst) / STS_PACE.perSecond) * 1000;
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs > leastMs, `${tookMs} ms, at the pace at least ${leastMs} ms`);
});
