import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FORBIDDEN_ROLE } from "./support/ec2.ts";
import { requestText } from "./support/http-text.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { run } from "./support/programs.ts";

/** Rule 4: nothing secret in a log, an error body or a core file. The daemon logs at level debug here. */
const lab = await startLab();
const secrets: string[] = [];
const owner = await lab.run({ role: "owner" });
const other = await lab.run({ role: FORBIDDEN_ROLE });

/** Whole, and in the pieces and spellings a careless line might hold it. */
const tracesOf = (text: string): readonly string[] =>
  secrets
    .filter((secret) => {
      const half = secret.slice(0, Math.ceil(secret.length / 2));
      return [half, encodeURIComponent(half), Buffer.from(secret).toString("base64").slice(0, half.length)].some(
        (piece) => text.includes(piece),
      );
    })
    .map((secret) => `${secret.slice(0, 6)}...`);

async function collectSecrets(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const token = await owner.metadata.token();
    const { document } = await owner.metadata.credentials();
    secrets.push(token, await other.metadata.token(), document.SecretAccessKey, document.Token);
  }
  const hostKeys = await lab.ec2.hostSecrets();
  secrets.push(...hostKeys.filter((_, i) => i % 3 !== 0));
}

/** Wrong requests of every kind, with the secret where an SDK would put it. */
const inItsHeader = (secret: string): readonly string[] => {
  const headers = { "X-aws-ec2-metadata-token": secret };
  const put = { method: "PUT", path: "/latest/api/token" };
  return [
    requestText({ path: CREDENTIALS_PATH, headers }),
    requestText({ path: `${CREDENTIALS_PATH}another`, headers }),
    requestText({ path: "/latest/user-data", headers }),
    requestText({ path: "/latest/meta-data/", headers: { ...headers, Host: "example.org" } }),
    requestText({ ...put, headers: { ...headers, "X-Forwarded-For": secret } }),
    requestText({ ...put, headers: { ...headers, "X-aws-ec2-metadata-token-ttl-seconds": secret } }),
    requestText({ method: "DELETE", path: "/latest/api/token", headers, body: secret }),
    `GET /latest/ HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token: ${secret}\r\nX-aws-ec2-metadata-token: ${secret}\r\n\r\n`,
    `GET /latest/ HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token : ${secret}\r\n\r\n`,
    `GET /latest/ HTTP/1.1\r\nHost: 169.254.169.254\r\n${secret}\r\n\r\n`,
  ];
};

/** The same with the secret where only a broken client would put it. */
const anywhereElse = (secret: string): readonly string[] => [
  requestText({ path: `/latest/meta-data/instance-id?token=${encodeURIComponent(secret)}` }),
  requestText({ path: `${CREDENTIALS_PATH}${encodeURIComponent(secret)}` }),
  requestText({ path: `/latest/${secret}` }),
  requestText({ path: "/latest/", headers: { Host: secret.replace(/[^\w.-]/g, "x") } }),
  requestText({ method: secret.replace(/\W/g, ""), path: "/latest/" }),
  `${secret}\r\n\r\n`,
];

/** @returns the bodies of all answers but 200 */
async function provoke(texts: readonly string[]): Promise<readonly string[]> {
  const bodies: string[] = [];
  for (const text of texts) {
    const replies = await Promise.all([owner, other].map(({ metadata }) => metadata.raw(text, 700)));
    bodies.push(...replies.filter(({ status }) => status !== 200).map(({ body }) => body));
  }
  return bodies;
}

test("no error body repeats what was sent, least of all a secret", async () => {
  await collectSecrets();
  assert.ok(secrets.length >= 12 && secrets.every((secret) => secret.length >= 20), "there is something to look for");
  const bodies = await provoke(secrets.flatMap(inItsHeader));
  assert.ok(bodies.length > 100, `${bodies.length} error bodies were seen`);
  assert.deepEqual(tracesOf(bodies.join("\n")), []);
});

test("with STS and the host's metadata service down, errors tell no more", async () => {
  await lab.ec2.stsGoesDown("refused");
  await lab.ec2.metadataGoesDown("refused");
  const late = await lab.run({ role: "late" });
  const token = await late.metadata.token();
  secrets.push(token);
  const replies = [
    await late.metadata.get(`${CREDENTIALS_PATH}late`, token),
    await late.metadata.get("/latest/meta-data/instance-id", token),
  ];
  assert.deepEqual(tracesOf(replies.map(({ body }) => body).join("\n")), []);
  await lab.ec2.metadataComesBack();
  await lab.ec2.stsComesBack();
});

test("nothing that the daemon printed at level debug holds a secret", async () => {
  await lab.daemon.stop();
  await lab.daemon.start();
  await collectSecrets();
  const { output } = lab.daemon;
  assert.ok(output.includes('"request"'), "debug lines are there");
  assert.ok(output.includes("credentials handed out"), "and hand-outs");
  assert.deepEqual(tracesOf(output), []);
});

test("a secret that a broken client puts into path, query or Host is in no body", async () => {
  assert.deepEqual(tracesOf((await provoke(secrets.flatMap(anywhereElse))).join("\n")), []);
});

test("nor in the log", () => {
  assert.deepEqual(tracesOf(lab.daemon.output), []);
});

test("a crash leaves no secret in any file", async () => {
  await collectSecrets();
  await lab.daemon.kill("SIGABRT");
  for (const file of await filesBelow(join(lab.instance.folder, "daemon")))
    assert.deepEqual(await tracesInFile(file), [], file);
});

test("the runtime directory holds no secret", async () => {
  const contents = await run(lab.instance.onInstance("sh", "-c", "find /run/taskrole -type f -exec cat {} +"));
  assert.notEqual(contents, "");
  assert.deepEqual(tracesOf(contents), []);
});

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

/** A core file is gigabytes of holes with a little in between: tar leaves the holes out. */
async function tracesInFile(file: string): Promise<readonly string[]> {
  const withoutHoles = join(lab.instance.folder, "without-holes.tar");
  await run(["tar", "--sparse", "-cf", withoutHoles, file]);
  return tracesOf(await readFile(withoutHoles, "latin1"));
}

testThatNothingLeaked(lab);
