import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "./support/containers.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH, type MetadataClient, TOKEN_PATH } from "./support/metadata-client.ts";
import { leaksIn, testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { HOST_DOCUMENTS, oddPaths, oddRequests } from "./support/odd-requests.ts";
import { eventually, run } from "./support/programs.ts";

/** Rule 1: no request from a workload ever yields the host's credentials. */
const lab = await startLab();
await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
const withRole = await lab.run({ role: "modest", network: "six" });
const without = await lab.run({ network: "six" });
const askers: readonly MetadataClient[] = [withRole, without].flatMap(({ metadata }) => [metadata, metadata.over6]);

const TIMEOUT_MS = 700;

for (const [what, withToken] of [
  ["with its own token", true],
  ["without a token", false],
] as const) {
  test(`every spelling of every document of the host's own, asked ${what}, yields nothing of it`, async () => {
    for (const metadata of askers) {
      const token = await metadata.token();
      const headers = withToken ? { "X-aws-ec2-metadata-token": token } : {};
      for (const path of oddPaths()) await metadata.ask({ path, headers }, TIMEOUT_MS);
    }
    assert.deepEqual(await leaksIn(lab), []);
  });
}

test("none of the host's own documents is answered 200 where it is spelt as it should be", async () => {
  for (const metadata of askers) {
    const token = await metadata.token();
    for (const document of HOST_DOCUMENTS)
      assert.equal((await metadata.get(`/latest/${document}`, token)).status, 404, document);
  }
});

test("odd methods, versions, framings and smuggled requests yield nothing of the host's", async () => {
  for (const metadata of askers) {
    const token = await metadata.token();
    for (const request of oddRequests(token)) {
      const connection = metadata.connect();
      connection.send(request);
      await connection.ended(TIMEOUT_MS);
      connection.close();
    }
  }
  assert.deepEqual(await leaksIn(lab), []);
  assert.equal(await withRole.role(), "modest");
});

test("every listing, crawled to its end, leads to nothing of the host's", async () => {
  for (const metadata of [withRole.metadata, without.metadata.over6]) {
    const found = await crawl(metadata, await metadata.token());
    assert.ok(found.includes("/latest/meta-data/placement/region"), found.join(" "));
    assert.deepEqual(
      found.filter((path) => /user-data|identity-credentials|tags|pkcs7|signature|managed-ssh/.test(path)),
      [],
    );
  }
  assert.deepEqual(await leaksIn(lab), []);
});

test("asked all the while the daemon is killed, stopped, started and its rules flushed: its own role or nothing", async () => {
  const stop = new AbortController();
  const harvests = Promise.all(askers.map((metadata) => harvest(metadata, stop.signal)));
  const born: Container[] = [];
  try {
    for (const end of [lab.daemon.kill, lab.daemon.stop, lab.daemon.kill]) {
      const [container] = await Promise.all([
        lab.run({ role: "newborn", network: "six", asksFirst: true }),
        upset(end),
      ]);
      born.push(container);
    }
  } finally {
    stop.abort();
  }
  assert.deepEqual([...new Set((await harvests).flat())], ["modest"]);
  for (const container of born) {
    const { role } = await container.firstWords();
    assert.ok(typeof role === "string" || role.status !== 200 || role.body === "newborn", JSON.stringify(role));
  }
});

/** Ends the daemon and starts it again, with every rule of the instance flushed in between and after. */
async function upset(end: () => Promise<void>): Promise<void> {
  const flush = () => run(lab.instance.onInstance("nft", "flush", "ruleset"));
  await end();
  await flush();
  await lab.daemon.start();
  await flush();
  await eventually(() => withRole.metadata.token(), 10_000);
}

/** No directory of EC2's lies as deep; one that does is a document that only looks like a listing. */
const MAX_DEPTH = 12;

/** Every path that listings lead to. The top one, as EC2 writes it, has no slashes behind its directories. */
async function crawl(metadata: MetadataClient, token: string, directory = "/latest/"): Promise<readonly string[]> {
  const { status, body } = await metadata.get(directory, token);
  if (status !== 200 || directory.split("/").length > MAX_DEPTH) return [];
  const suffix = directory === "/latest/" ? "/" : "";
  const children = body.split("\n").map((entry) => directory + entry + suffix);
  const deeper = await Promise.all(
    children.filter((path) => path.endsWith("/")).map((path) => crawl(metadata, token, path)),
  );
  return [...children, ...deeper.flat()];
}

/** Asks without pause, with and without a token. @returns every role that was ever listed */
async function harvest(metadata: MetadataClient, stop: AbortSignal): Promise<readonly string[]> {
  const roles: string[] = [];
  let token = "";
  while (!stop.aborted) {
    token = (await shortLivedToken(metadata)) ?? token;
    for (const headers of [{ "X-aws-ec2-metadata-token": token }, {}]) {
      const { status, body } = await metadata.ask({ path: CREDENTIALS_PATH, headers }, 300);
      if (status === 200) roles.push(body);
    }
  }
  return roles;
}

async function shortLivedToken(metadata: MetadataClient): Promise<string | undefined> {
  const headers = { "X-aws-ec2-metadata-token-ttl-seconds": "60" };
  const { status, body } = await metadata.ask({ method: "PUT", path: TOKEN_PATH, headers }, 300);
  return status === 200 ? body : undefined;
}

testThatNothingLeaked(lab);
