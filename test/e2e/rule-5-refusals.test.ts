import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "./support/containers.ts";
import { FORBIDDEN_ROLE } from "./support/ec2.ts";
import { requestText } from "./support/http-text.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH, type Reply, TOKEN_PATH } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually } from "./support/programs.ts";

/** Rule 5: every refusal has a fixed short body for the client, and the reason and the remedy for the operator. */
const lab = await startLab();

interface Case {
  readonly refusal: string;
  readonly status: number;
  /** In the operator's line. */
  readonly says: RegExp;
  readonly provoke: (container: Container, token: string) => Promise<Reply>;
  readonly role?: string;
}

const TTL = "X-aws-ec2-metadata-token-ttl-seconds";
const withToken = (token: string, more = {}) => ({ "X-aws-ec2-metadata-token": token, ...more });

const CASES: readonly Case[] = [
  {
    refusal: "malformed-request",
    status: 400,
    says: /one way only/,
    provoke: ({ metadata }, token) => metadata.get("/latest/%zz", token),
  },
  {
    refusal: "host-not-allowed",
    status: 403,
    says: /evil\.example/,
    provoke: ({ metadata }, token) =>
      metadata.ask({ path: "/latest/", headers: withToken(token, { Host: "evil.example" }) }),
  },
  {
    refusal: "token-forwarded",
    status: 403,
    says: /proxy/,
    provoke: ({ metadata }) =>
      metadata.ask({ method: "PUT", path: TOKEN_PATH, headers: { [TTL]: "60", "X-Forwarded-For": "10.0.0.1" } }),
  },
  {
    refusal: "token-ttl-invalid",
    status: 400,
    says: /21600/,
    provoke: ({ metadata }) => metadata.ask({ method: "PUT", path: TOKEN_PATH, headers: { [TTL]: "0" } }),
  },
  {
    refusal: "token-path-versioned",
    status: 403,
    says: /dated version/,
    provoke: ({ metadata }) => metadata.ask({ method: "PUT", path: "/2021-03-23/api/token", headers: { [TTL]: "60" } }),
  },
  {
    refusal: "token-missing",
    status: 401,
    says: /no metadata token/,
    provoke: ({ metadata }) => metadata.get(CREDENTIALS_PATH),
  },
  {
    refusal: "token-invalid",
    status: 401,
    says: /not one of ours/,
    provoke: ({ metadata }) => metadata.get(CREDENTIALS_PATH, "A".repeat(40)),
  },
  {
    refusal: "method-not-allowed",
    status: 405,
    says: /does not take this method/,
    provoke: ({ metadata }, token) =>
      metadata.ask({ method: "DELETE", path: CREDENTIALS_PATH, headers: withToken(token) }),
  },
  {
    refusal: "path-blocked",
    status: 404,
    says: /user-data.*not on the allow list/,
    provoke: ({ metadata }, token) => metadata.get("/latest/user-data", token),
  },
  {
    refusal: "no-role",
    status: 404,
    says: /names no role/,
    provoke: ({ metadata }, token) => metadata.get(CREDENTIALS_PATH, token),
  },
  {
    refusal: "bad-role",
    status: 404,
    says: /label taskrole\.role.*cannot be used/,
    role: "a b",
    provoke: ({ metadata }, token) => metadata.get(CREDENTIALS_PATH, token),
  },
  {
    refusal: "role-mismatch",
    status: 404,
    says: /"admin" was asked for.*the workload's is modest/,
    role: "modest",
    provoke: ({ metadata }, token) => metadata.get(`${CREDENTIALS_PATH}admin`, token),
  },
  {
    refusal: "sts-denied",
    status: 200,
    says: /out-of-reach.*AccessDenied/,
    role: FORBIDDEN_ROLE,
    provoke: ({ metadata }, token) => metadata.get(`${CREDENTIALS_PATH}out-of-reach`, token),
  },
];

const UNREADABLE = [
  "GET /latest/ HTTP/1.1\r\nHost: 169.254.169.254\r\nHost: 169.254.169.254\r\n\r\n",
  "GET /latest/ HTTP/1.1\nHost: 169.254.169.254\n\n",
  "GET /a b HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
];

for (const { refusal, status, says, provoke, role } of CASES) {
  test(`${refusal}: ${status} with a fixed body, and a line for the operator`, async () => {
    const container = await lab.run(role === undefined ? {} : { role });
    const token = await container.metadata.token();
    const replies = [await provoke(container, token), await provoke(container, token)];
    for (const reply of replies) assertShort(reply, status);
    assert.equal(withoutTimes(replies[0]?.body), withoutTimes(replies[1]?.body), "the same each time");
    await assertExplained(refusal, await container.address(), says);
  });
}

test("a request that cannot be read at all: 400 with a fixed body", async () => {
  const { metadata } = await lab.run();
  for (const text of UNREADABLE) assertShort(await metadata.raw(text, 2_000), 400);
});

test("and a line for the operator", async () => {
  const container = await lab.run();
  await container.metadata.raw(UNREADABLE[0] ?? "", 2_000);
  await assertExplained("malformed-request", await container.address(), /one way only/);
});

test("sts-unavailable and upstream-unavailable: 503, and the operator learns which of the two it is", async () => {
  const container = await lab.run({ role: "patient" });
  const token = await container.metadata.token();
  await lab.ec2.stsGoesDown("refused");
  await lab.ec2.metadataGoesDown("refused");
  const late = await lab.run({ role: "late" });
  const lateToken = await late.metadata.token();
  await eventually(async () => {
    assertShort(await late.metadata.get(`${CREDENTIALS_PATH}late`, lateToken), 503);
    await assertExplained("sts-unavailable", await late.address(), /STS could not be asked for .*late/);
  }, 15_000);
  await lab.ec2.stsComesBack();
  assertShort(await container.metadata.get("/latest/meta-data/instance-type", token), 503);
  await assertExplained(
    "upstream-unavailable",
    await container.address(),
    /metadata service did not give .*instance-type/,
  );
  await lab.ec2.metadataComesBack();
});

test("unknown-peer and identity-unavailable: an address that no container has", async () => {
  const container = await lab.run({ role: "shifty", args: ["--cap-add", "NET_ADMIN"] });
  await container.exec("busybox", "ip", "address", "add", "172.17.88.88/16", "dev", "eth0");
  await container.exec("busybox", "ip", "route", "replace", "default", "via", "172.17.0.1", "src", "172.17.88.88");
  assertShort(await container.metadata.askToken(), 403);
  await assertExplained("unknown-peer", "172.17.88.88", /no container has the address 172\.17\.88\.88/);
  await lab.engine.kill();
  assertShort(await container.metadata.askToken(), 503);
  await assertExplained("identity-unavailable", "172.17.88.88", /cannot be told/);
  await lab.engine.start();
});

test("a workload that repeats itself does not fill the operator's disk", async () => {
  const container = await lab.run();
  const address = await container.address();
  for (let i = 0; i < 100; i++) await container.metadata.get("/latest/user-data");
  const lines = lab.daemon.log.filter(({ audit, peer }) => audit === "refusal" && peer === address);
  assert.equal(lines.length, 1);
});

test("a flag that cannot be used is refused at the start, in a sentence", async () => {
  const { code, stderr } = await lab.daemon.command("serve", "--listen", "nonsense", "--default-role", "a b");
  assert.equal(code, 2);
  assert.match(stderr, /flag --listen/);
  assert.match(stderr, /flag --default-role/);
});

/** What was sent with a request, or said by Docker or STS, is never in the body. */
function assertShort(reply: Reply, status: number): void {
  assert.equal(reply.status, status);
  assert.ok(reply.body.length > 0 && reply.body.length < 400, `${reply.body.length} bytes`);
  assert.match(reply.body, /^[\t\n -~]+$/);
  assert.doesNotMatch(reply.body, /evil|user-data|172\.17|label|docker|AccessDenied|198\.51/i);
}

/** The line is written before the answer, but comes through a pipe. */
const assertExplained = (refusal: string, peer: string, says: RegExp): Promise<void> =>
  eventually(async () => {
    const line = lab.daemon.log.find((entry) => entry["refusal"] === refusal && entry["peer"] === peer);
    assert.ok(line, `a line about ${refusal} of ${peer}`);
    assert.match(String(line["reason"]), says);
    assert.ok(String(line["remedy"]).length > 10, "a remedy");
  }, 2_000);

const withoutTimes = (body: string | undefined): string | undefined => body?.replace(/"LastUpdated"[^,\n]*/, "");

test("a request that is never finished is ended, and costs nobody else anything", async () => {
  const [slow, quick] = [await lab.run({ role: "slow" }), await lab.run({ role: "quick" })];
  const connections = Array.from({ length: 80 }, () => slow.metadata.connect());
  for (const connection of connections) connection.send(requestText({ path: "/latest/" }).slice(0, -2));
  assert.equal(await quick.role(), "quick");
  const outcomes = await Promise.all(connections.map((connection) => connection.ended(8_000)));
  assert.ok(outcomes.every(({ outcome }) => outcome !== "timeout"));
  assert.equal(await slow.role(), "slow");
});

testThatNothingLeaked(lab);
