import assert from "node:assert/strict";
import { test } from "node:test";
import { type Host, type HostContainer, startHost } from "../support/host.ts";
import { RawConnection } from "./raw-exchange.ts";

/** One spelling of a path that no workload gets, and what the operator reads of it. */
interface Told {
  readonly target: string;
  readonly refusal: "path-blocked" | "path-forbidden" | "role-mismatch";
  readonly path: string;
}

const IAM = "meta-data/iam";
const IDENTITY = "dynamic/instance-identity";
// biome-ignore format: a table
const TOLD: readonly Told[] = [
  { target: "/latest/user-data", refusal: "path-blocked", path: "/latest/user-data" },
  { target: "//2009-04-04///%75ser%2ddata//?secret#secret", refusal: "path-blocked", path: "/2009-04-04/user-data" },
  { target: `http://169.254.169.254/1.0/${IDENTITY}/pkcs7/`, refusal: "path-forbidden", path: `/1.0/${IDENTITY}/pkcs7` },
  { target: `/latest/${IDENTITY}/%73ignature`, refusal: "path-forbidden", path: `/latest/${IDENTITY}/signature` },
  { target: `/latest/${IDENTITY}/rsa2048`, refusal: "path-forbidden", path: `/latest/${IDENTITY}/rsa2048` },
  { target: `/latest/${IDENTITY}/dsa2048`, refusal: "path-forbidden", path: `/latest/${IDENTITY}/dsa2048` },
  { target: "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance", refusal: "path-forbidden",
    path: "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance" },
  { target: "/latest/meta-data/managed-ssh-keys/signer-cert", refusal: "path-forbidden",
    path: "/latest/meta-data/managed-ssh-keys/signer-cert" },
  { target: `/latest/${IAM}/security-credentials-extended/`, refusal: "path-forbidden",
    path: `/latest/${IAM}/security-credentials-extended` },
  { target: `/latest/${IAM}/security-credentials/the-role-of-the-host`, refusal: "role-mismatch",
    path: `/latest/${IAM}/security-credentials/…` },
  { target: "/latest/meta-data/tags/instance/Name", refusal: "path-blocked", path: "/latest/meta-data/tags/instance/…" },
];

const addressOf = (i: number): string => `127.50.1.${i + 1}`;

const containers: Record<string, HostContainer> = Object.fromEntries(
  [...TOLD.keys(), TOLD.length].map((i) => [
    `c${i}`,
    { address: addressOf(i), labels: { "taskrole.role": `role-${i}` } },
  ]),
);

const refusalsOf = ({ taskrole }: Host, peer: string): readonly Record<string, unknown>[] =>
  taskrole.lines().filter((line) => line["audit"] === "refusal" && line["peer"] === peer);

async function ask(
  host: Host,
  from: string,
  request: string,
): Promise<readonly [status: number | undefined, body: string | undefined]> {
  const connection = new RawConnection({ host: "127.0.0.1", port: host.port, from });
  const { answers } = await connection.lastExchange([request], { mayLackBody: false, withinMs: 5_000 });
  return [answers[0]?.status, answers[0]?.body];
}

async function tokenOf(host: Host, from: string): Promise<string> {
  const [, token = ""] = await ask(
    host,
    from,
    "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n",
  );
  return token;
}

const get = (target: string, token: string): string =>
  `GET ${target} HTTP/1.1\r\nX-aws-ec2-metadata-token: ${token}\r\n\r\n`;

test("whoever asks for what no workload gets is told of in one line, with the path in its one spelling", async () => {
  await using host = await startHost({ containers });
  const tokens: string[] = [];
  for (const [i, { target }] of TOLD.entries()) {
    const token = await tokenOf(host, addressOf(i));
    tokens.push(token);
    assert.equal((await ask(host, addressOf(i), get(target, token)))[0], 404, target);
  }
  await host.taskrole.says(new RegExp(`"peer":"${addressOf(TOLD.length - 1)}"`));
  for (const [i, { refusal, path }] of TOLD.entries()) {
    const lines = refusalsOf(host, addressOf(i));
    assert.deepEqual(
      lines.map(({ refusal, path, container, msg }) => ({ refusal, path, container, msg })),
      [{ refusal, path, container: `c${i}`, msg: "refused" }],
    );
  }
  for (const token of tokens) assert.ok(!host.taskrole.stdout.includes(token), "a metadata token is in the log");
});

test("a flood of such requests makes few lines, and none with the client's token or the bytes of its target", async () => {
  const REQUESTS = 300;
  await using host = await startHost({ containers });
  const flooding = addressOf(TOLD.length);
  const token = await tokenOf(host, flooding);
  const start = performance.now();
  for (let i = 0; i < REQUESTS; i += 1) {
    assert.equal((await ask(host, flooding, get(`/latest/user-data/wallmark${i}?${token}`, token)))[0], 404);
  }
  // A peer that asks later: its line comes after all of the flood's.
  await ask(host, addressOf(0), get("/latest/user-data", await tokenOf(host, addressOf(0))));
  await host.taskrole.says(new RegExp(`"peer":"${addressOf(0)}"`));
  const lines = refusalsOf(host, flooding);
  const tenSeconds = (performance.now() - start) / 10_000;
  assert.ok(lines.length >= 1 && lines.length <= 1 + Math.ceil(tenSeconds), `${lines.length} lines`);
  assert.equal(lines[0]?.["path"], "/latest/user-data/…");
  for (const own of [token, "wallmark"]) assert.ok(!host.taskrole.stdout.includes(own), `${own} is in the log`);
});
