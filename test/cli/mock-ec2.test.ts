import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { mockEc2Command } from "../../src/cli/mock-ec2.ts";
import { worldSchema } from "../../src/mock-ec2/world-schema.ts";

const SCRIPT = `
  import { mockEc2Command } from "./src/cli/mock-ec2.ts";
  await mockEc2Command().parseAsync(process.argv.slice(1), { from: "user" });`;

interface Finished {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[]) {
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [
    "--input-type=module",
    "-e",
    SCRIPT,
    "--",
    ...args,
  ]);
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    text.stderr += chunk;
  });
  const finished = new Promise<Finished>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, ...text }));
  });
  return { child, text, finished };
}

const runToEnd = (...args: string[]): Promise<Finished> => start(args).finished;

/** Starts on free ports and waits for the greeting, on stdout or, with --log, on stderr. */
async function running(t: TestContext, ...args: string[]) {
  const process = start(["--metadata-listen", "127.0.0.1:0", "--sts-listen", "127.0.0.1:0", ...args]);
  t.after(() => process.child.kill("SIGKILL"));
  while (!`${process.text.stdout}${process.text.stderr}`.includes("Ctrl-C")) {
    const ended = await Promise.race([process.finished, new Promise((resolve) => setTimeout(resolve, 20))]);
    if (ended) assert.fail(`ended early: ${JSON.stringify(ended)}`);
  }
  const greeting = process.text.stdout + process.text.stderr;
  const urlAfter = (name: string): string => new RegExp(`export ${name}=(\\S+)`).exec(greeting)?.[1] ?? "";
  return {
    ...process,
    greeting,
    metadataUrl: urlAfter("AWS_EC2_METADATA_SERVICE_ENDPOINT").replace(/\/$/, ""),
    stsUrl: urlAfter("AWS_ENDPOINT_URL_STS"),
  };
}

test("it says where it is and how to use it, answers there, and stops cleanly on SIGTERM and SIGINT", async (t) => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const { child, finished, greeting, metadataUrl, stsUrl } = await running(t);
    assert.match(greeting, /export AWS_REGION=us-east-1\n/);
    assert.ok(greeting.includes(`curl ${metadataUrl}/latest/meta-data/iam/security-credentials/\n`));
    const role = await fetch(`${metadataUrl}/latest/meta-data/iam/security-credentials/`);
    assert.equal(await role.text(), "mock-ec2-host");
    assert.equal((await fetch(stsUrl)).status, 400);
    child.kill(signal);
    const { code, stderr } = await finished;
    assert.deepEqual([code, stderr], [0, ""], signal);
  }
});

test("--require-tokens answers version 2 alone, and the curl it shows works", async (t) => {
  const { metadataUrl, greeting } = await running(t, "--require-tokens");
  assert.equal((await fetch(`${metadataUrl}/latest/meta-data/`)).status, 401);
  const command = /Try it:\n\n {2}(curl .*)\n/.exec(greeting)?.[1] ?? "";
  const shell = spawn("sh", ["-c", command]);
  let answer = "";
  for await (const chunk of shell.stdout) answer += chunk;
  assert.equal(answer, "mock-ec2-host");
});

test("--log keeps stdout for one JSON line a request", async (t) => {
  const { child, finished, metadataUrl } = await running(t, "--log");
  await fetch(`${metadataUrl}/latest/meta-data/instance-id`);
  child.kill("SIGTERM");
  const lines = (await finished).stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { time, ...event } = lines[0];
  assert.match(time, /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(event, {
    service: "metadata",
    method: "GET",
    path: "/latest/meta-data/instance-id",
    peer: "127.0.0.1",
    status: 200,
  });
  assert.equal(lines.length, 1);
});

test("--config is read: the example's host is another one", async (t) => {
  const { greeting, metadataUrl } = await running(t, "--config", "examples/mock-ec2.yaml");
  assert.match(greeting, /export AWS_REGION=eu-central-1\n/);
  assert.match(greeting, /arn:aws:iam::111122223333:role\/ci\/build-host/);
  const zone = await fetch(`${metadataUrl}/latest/meta-data/placement/availability-zone/`);
  assert.equal(await zone.text(), "eu-central-1b");
});

test("every mistake in options and file is told at once, and the exit status is 2", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mock-ec2-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "bad.yaml");
  writeFileSync(file, "instance: { regoin: x }\nroles: 7\n");
  const { code, stdout, stderr } = await runToEnd(
    "--metadata-listen",
    "1338",
    "--sts-listen",
    "h:70000",
    "--config",
    file,
  );
  assert.deepEqual([code, stdout], [2, ""]);
  assert.deepEqual(stderr.trimEnd().split("\n"), [
    'taskrole mock-ec2: --metadata-listen must be HOST:PORT, e.g. 127.0.0.1:1338 or [::1]:1338: current value is "1338"',
    'taskrole mock-ec2: --sts-listen must be HOST:PORT, e.g. 127.0.0.1:1338 or [::1]:1338: current value is "h:70000"',
    `taskrole mock-ec2: ${file}:1: instance.regoin is not known here: check its spelling, or take it out`,
    `taskrole mock-ec2: ${file}:2: roles must be a list`,
  ]);
});

test("a file that is not there and an unknown option are mistakes too", async () => {
  const missing = await runToEnd("--config", "/nonexistent.yaml");
  assert.equal(missing.code, 2);
  assert.match(
    missing.stderr,
    /^taskrole mock-ec2: --config \/nonexistent\.yaml cannot be read \(ENOENT\): check the path/,
  );
  const unknown = await runToEnd("--confog", "x");
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /unknown option '--confog'/);
});

test("a port in use is a sentence with its remedy, and the exit status is 1", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await new Promise((resolve) => other.once("listening", resolve));
  const address = other.address();
  assert.ok(typeof address === "object" && address !== null);
  const place = `127.0.0.1:${address.port}`;
  const { code, stdout, stderr } = await runToEnd("--metadata-listen", "127.0.0.1:0", "--sts-listen", place);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.equal(
    stderr,
    `taskrole mock-ec2: ${place} is in use: stop what listens there, or choose another address with --sts-listen HOST:PORT\n`,
  );
});

test("--help says what is allowed without a file", async () => {
  const { code, stdout } = await runToEnd("--help");
  assert.equal(code, 0);
  assert.match(stdout, /Without --config the host's role may assume every role, of its own account and of any other/);
});

test("every option and every key of the file stands in the documentation", () => {
  const page = readFileSync("docs/mock-ec2.md", "utf8");
  const options = mockEc2Command().options.map(({ long }) => long ?? "");
  assert.ok(options.length >= 6);
  const { instance, ...rest } = worldSchema.shape;
  const keys = [...Object.keys(rest), ...Object.keys(instance.unwrap().shape)];
  assert.deepEqual(
    [...options, ...keys].filter((name) => !new RegExp(`${name}\\b`).test(page)),
    [],
  );
});
