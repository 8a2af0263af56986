import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openWorld } from "../../src/mock-ec2/world.ts";
import type { Fate } from "./between.ts";
import { CREDENTIALS } from "./caller.ts";
import { crawl } from "./crawl.ts";
import { timed } from "./durations.ts";
import type { Reply } from "./exchange.ts";
import { type ProtocolHost, startProtocolHost } from "./protocol-host.ts";

const host = await startProtocolHost();
/** Nothing is planned for it, and it is in no group. */
const quietHost = await startProtocolHost({ ec2: { world: openWorld() } });

after(async () => {
  await host[Symbol.asyncDispose]();
  await quietHost[Symbol.asyncDispose]();
});

const web = host.caller("web");
const get = (target: string): Promise<Reply> => web.get(target);
const entriesOf = async (directory: string): Promise<readonly string[]> => (await get(directory)).body.split("\n");

/** What the real service says to the host itself. */
const atHost = async (path: string): Promise<globalThis.Response> => fetch(host.ec2.metadataUrl + path);

test("item 31: however the path of the host's keys is written, upstream is not asked for it and no key of the host comes back", async () => {
  const hostKeys = JSON.parse(await (await atHost(`${CREDENTIALS}host-execution-role`)).text());
  assert.match(hostKeys.SecretAccessKey, /^.{40}$/);
  await web.credentials();
  const before = host.upstream.calls.length;
  const tails = ["", "/", "/host-execution-role", "/host-execution-role/", "//host-execution-role"];
  const heads = [
    "/latest/meta-data/iam/security-credentials",
    "/1.0/meta-data/iam/security-credentials",
    "/2009-04-04/meta-data/iam/security-credentials",
    "//latest//meta-data//iam//security-credentials",
    "/latest/meta-data/%69am/security-credentials",
    "/latest/meta-data/iam/security%2Dcredentials",
    "/latest/meta-data/%2569am/security-credentials",
    "/latest/meta-data/iam%2fsecurity-credentials",
    "/latest/meta-data/./iam/security-credentials",
    "/latest/meta-data/x/../iam/security-credentials",
    "/latest/meta-data/%2e/iam/security-credentials",
    "/latest/meta-data/placement/%2e%2e/iam/security-credentials",
    "/latest/meta-data/placement/..%2fiam/security-credentials",
    "/LATEST/meta-data/iam/security-credentials",
    "/latest/meta-data/IAM/security-credentials",
    "/latest/meta-data/iam;x/security-credentials",
    "http://169.254.169.254/latest/meta-data/iam/security-credentials",
    "http://[fd00:ec2::254]/1.0/meta-data/iam/security-credentials",
    "/?/latest/meta-data/iam/security-credentials",
    "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
    "/latest/meta-data/iam/security-credentials-extended",
  ];
  for (const head of heads) {
    for (const target of tails.map((tail) => head + tail).flatMap((path) => [path, `${path}?x=1`, `${path}#x`])) {
      const { status, body } = await get(target);
      assert.ok([200, 400, 404].includes(status), `${status} to ${target}`);
      for (const secret of [hostKeys.SecretAccessKey, hostKeys.AccessKeyId, hostKeys.Token, "host-execution-role"]) {
        assert.ok(!body.includes(secret), target);
      }
    }
  }
  const asked = host.upstream.calls.slice(before).map(({ path }) => path);
  assert.deepEqual(
    asked.filter((path) => /iam|credentials|%/i.test(path)),
    [],
  );
});

test("item 32: a document with a slash is the document, a directory without one the directory", async () => {
  const found = [...(await crawl(get, "/latest/meta-data/")), ...(await crawl(get, "/latest/dynamic/"))];
  for (const [path, { body }] of found) {
    if (/\/iam\/info$/.test(path)) continue; // it tells the time
    const other = path.endsWith("/") ? path.slice(0, -1) : `${path}/`;
    const reply = await get(other);
    assert.equal(reply.status, 200, other);
    assert.equal(reply.body, body, other);
  }
  assert.equal((await get("/latest/meta-data/iam/info/")).status, 200);
});

test("item 33: nothing is ever answered with a redirect, directories without their slash least of all", async () => {
  const paths = ["", "/latest", "/latest/meta-data", "/latest/meta-data/iam", "/latest/dynamic", "/latest/user-data"];
  const placed = ["/latest/meta-data/placement", "/latest/meta-data/iam/security-credentials", "/latest/nowhere"];
  for (const path of [...paths, ...placed]) {
    for (const target of [path || "/", `${path}/`, `/${path}//`, `http://169.254.169.254${path}`]) {
      const { status, fields } = await get(target);
      assert.ok(status === 200 || status === 404, `${status} to ${target}`);
      assert.equal(fields.get("location"), undefined);
    }
  }
});

test("item 34: GET / lists versions, latest last, and every one of them serves meta-data/", async () => {
  const versions = (await get("/")).body.split("\n");
  assert.equal(versions.at(-1), "latest");
  for (const version of ["1.0", "2009-04-04", "2016-09-02", "2018-09-24", "2021-03-23"]) {
    assert.ok(versions.includes(version), `cloud-init asks for ${version}`);
  }
  const latest = (await get("/latest/meta-data/")).body;
  for (const version of versions) assert.equal((await get(`/${version}/meta-data/`)).body, latest, version);
});

async function assertAllFound(of: ProtocolHost, name: "web" | "plain", versions: readonly string[]): Promise<number> {
  const caller = of.caller(name);
  let count = 0;
  for (const version of versions) {
    for (const root of (await caller.get(`/${version}/`)).body.split("\n")) {
      const found = await crawl((path) => caller.get(path), `/${version}/${root}/`);
      for (const [path, { status }] of found) assert.equal(status, 200, `${path} is listed`);
      count += found.size;
    }
  }
  return count;
}

test("item 35: whatever a listing names, under any version, is 200: a crawl like cloud-init's goes through", async () => {
  const versions = await entriesOf("/");
  assert.equal(versions.length, 30);
  const counts = [
    await assertAllFound(host, "web", versions),
    await assertAllFound(host, "plain", ["latest", "2009-04-04"]),
    await assertAllFound(quietHost, "web", ["latest", "2021-03-23"]),
  ];
  for (const [index, least] of [30 * 35, 2 * 30, 2 * 25].entries())
    assert.ok((counts[index] ?? 0) >= least, `${counts}`);
});

const BLOCKED = [
  "user-data",
  "meta-data/identity-credentials/",
  "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
  "meta-data/managed-ssh-keys/",
  "meta-data/managed-ssh-keys/signer-cert",
  "meta-data/network/",
  "meta-data/network/interfaces/macs/02:00:00:ac:1f:10/vpc-id",
  "meta-data/public-hostname",
  "meta-data/public-ipv4",
  "meta-data/public-keys/",
  "meta-data/public-keys/0/openssh-key",
  "meta-data/reservation-id",
  "meta-data/security-groups",
  "meta-data/tags/",
  "meta-data/tags/instance/Name",
  "dynamic/instance-identity/dsa2048",
  "dynamic/instance-identity/pkcs7",
  "dynamic/instance-identity/rsa2048",
  "dynamic/instance-identity/signature",
];

test("item 36: what is blocked is 404, though the host has it, and its parent does not list it", async () => {
  for (const path of BLOCKED) {
    assert.equal((await atHost(`/latest/${path}`)).status, 200, `the host itself has ${path}`);
    for (const version of ["latest", "1.0", "2021-03-23"])
      assert.equal((await get(`/${version}/${path}`)).status, 404, path);
    const segments = path.replace(/\/$/, "").split("/");
    const parent = await get(`/latest/${segments.slice(0, -1).join("/")}`);
    const listed = parent.status === 200 ? parent.body.split("\n").map((entry) => entry.replace(/\/$/, "")) : [];
    assert.ok(!listed.includes(segments.at(-1) ?? ""), `${path} is listed`);
  }
});

test("item 37: what SDKs read of the host is there: region, zone, identity document, instance id, domain, partition", async () => {
  for (const [path, body] of [
    ["meta-data/placement/region", "eu-west-1"],
    ["meta-data/placement/availability-zone", "eu-west-1a"],
    ["meta-data/placement/availability-zone/", "eu-west-1a"],
    ["meta-data/instance-id", "i-0123456789abcdef0"],
    ["meta-data/services/domain", "amazonaws.com"],
    ["meta-data/services/partition", "aws"],
  ]) {
    assert.equal((await get(`/latest/${path}`)).body, body, path);
  }
  for (const slash of ["", "/"]) {
    const document = JSON.parse((await get(`/latest/dynamic/instance-identity/document${slash}`)).body);
    assert.equal(document.region, "eu-west-1");
    assert.equal(document.accountId, "111122223333");
  }
});

test("item 38: what the host does not have at the moment is 404 exactly, and what it has is there", async () => {
  for (const path of [
    "spot/instance-action",
    "spot/termination-time",
    "events/recommendations/rebalance",
    "autoscaling/target-lifecycle-state",
  ]) {
    const target = `/latest/meta-data/${path}`;
    assert.equal((await quietHost.caller("web").get(target)).status, 404, path);
    assert.equal((await get(target)).status, 200, path);
  }
  assert.equal((await get("/latest/meta-data/kernel-id")).status, 404);
});

test("item 39: user-data, blocked, is 404, and no version lists it", async () => {
  assert.match(await (await atHost("/latest/user-data")).text(), /SECRET/);
  for (const version of await entriesOf("/")) {
    assert.equal((await get(`/${version}/user-data`)).status, 404, version);
    assert.equal((await get(`/${version}`)).body, "dynamic\nmeta-data", version);
  }
});

/** Each case has a document of its own, that nobody asked for before: what is remembered proves nothing. */
const upstreamCases: readonly {
  readonly leaf: string;
  readonly says: string;
  readonly fate: Fate;
  readonly status: number;
}[] = [
  { leaf: "ami-id", says: "401 for good", fate: { answer: { status: 401 } }, status: 503 },
  { leaf: "ami-launch-index", says: "403", fate: { answer: { status: 403 } }, status: 503 },
  { leaf: "ami-manifest-path", says: "404", fate: { answer: { status: 404 } }, status: 404 },
  { leaf: "hostname", says: "429", fate: { answer: { status: 429 } }, status: 503 },
  { leaf: "instance-action", says: "500", fate: { answer: { status: 500, body: "secret trace" } }, status: 503 },
  { leaf: "instance-life-cycle", says: "503", fate: { answer: { status: 503 } }, status: 503 },
  { leaf: "local-hostname", says: "301", fate: { answer: { status: 301 } }, status: 503 },
  { leaf: "local-ipv4", says: "nothing and hangs up", fate: { answer: "hang-up" }, status: 503 },
];

test("item 40: upstream's own troubles are 503, never its 401; one 401 is met with a new token; a dead upstream with 503 in time", async (t) => {
  await using troubled = await startProtocolHost();
  const { upstream } = troubled;
  const caller = troubled.caller("web");
  await caller.credentials();

  for (const { leaf, says, fate, status } of upstreamCases) {
    await t.test(`item 40: upstream says ${says}: ${status}`, async () => {
      const target = `/latest/meta-data/${leaf}`;
      upstream.fate = ({ path }) => (path.endsWith(`/${leaf}`) ? fate : {});
      const reply = await (status === 503 ? caller.getOnce(target) : caller.get(target));
      assert.equal(reply.status, status);
      assert.doesNotMatch(reply.body, /secret/);
    });
  }

  await t.test("item 40: upstream says 401 once: the token is renewed and the document comes", async () => {
    let refusals = 0;
    upstream.fate = ({ path }) => {
      if (!path.endsWith("/instance-type") || refusals > 0) return {};
      refusals += 1;
      return { answer: { status: 401 } };
    };
    const before = upstream.calls.length;
    const reply = await caller.get("/latest/meta-data/instance-type");
    assert.equal(reply.status, 200);
    assert.equal(reply.body, "t3.micro");
    assert.deepEqual(
      upstream.calls.slice(before, before + 3).map(({ method, path }) => `${method} ${path}`),
      ["GET /latest/meta-data/instance-type", "PUT /latest/api/token", "GET /latest/meta-data/instance-type"],
    );
  });

  await t.test(
    "item 40: upstream hangs: 503 within a second, and credentials in hand are served meanwhile",
    async () => {
      upstream.fate = () => ({ answer: "hang" });
      const leaves = ["mac", "profile", "system", "placement/region", "placement/availability-zone", "services/domain"];
      const durations = await Promise.all(
        leaves.map(async (leaf) => {
          const [duration = Number.NaN] = await timed(1, async () => {
            assert.equal((await caller.getOnce(`/latest/meta-data/${leaf}`)).status, 503, leaf);
          });
          return duration;
        }),
      );
      assert.ok(Math.min(...durations) < 1_000, `${durations}: longer than botocore waits`);
      assert.equal((await caller.credentials()).status, 200);
    },
  );
});
