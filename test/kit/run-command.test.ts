import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "../../src/kit/run-command.ts";

/** A program of one line, on the runtime that runs this test. */
const script = (source: string): readonly string[] => [process.execPath, "-e", source];

test("a program that ends gives its exit code and all it printed", async () => {
  const outcome = await runCommand(["sh", "-c", "echo out; echo err >&2; exit 3"]);
  assert.deepEqual(outcome, { kind: "exited", code: 3, stdout: "out\n", stderr: "err\n" });
});

test("no shell reads the arguments", async () => {
  const hostile = "$(id) `id` ; id | id > /dev/null 'x' \"y\" * \n$HOME";
  const outcome = await runCommand(["printf", "%s", hostile]);
  assert.deepEqual(outcome, { kind: "exited", code: 0, stdout: hostile, stderr: "" });
});

test("text goes to standard input, which is then closed", async () => {
  const stdin = "Grüße\n".repeat(50_000);
  assert.deepEqual(await runCommand(["cat"], { stdin }), { kind: "exited", code: 0, stdout: stdin, stderr: "" });
  assert.deepEqual(await runCommand(["cat"]), { kind: "exited", code: 0, stdout: "", stderr: "" });
});

test("a program that ends without reading its input is judged by its exit code", async () => {
  const outcome = await runCommand(["true"], { stdin: "x".repeat(1_000_000) });
  assert.deepEqual(outcome, { kind: "exited", code: 0, stdout: "", stderr: "" });
});

test("a character that arrives in two pieces is whole", async () => {
  const halves =
    "process.stdout.write(Buffer.from([0xc3])); setTimeout(() => process.stdout.write(Buffer.from([0xbc])), 100)";
  const outcome = await runCommand(script(halves));
  assert.deepEqual(outcome, { kind: "exited", code: 0, stdout: "ü", stderr: "" });
});

test("a program that does not exist is an outcome of its own", async () => {
  assert.deepEqual(await runCommand(["no-such-program-anywhere"]), { kind: "missing" });
});

test("a program is looked for in the PATH of the environment it is given", async () => {
  assert.deepEqual(await runCommand(["true"], { env: { PATH: "/nowhere" } }), { kind: "missing" });
  const found = await runCommand(["sh", "-c", "echo $GIVEN-$HOME"], { env: { PATH: "/usr/bin:/bin", GIVEN: "yes" } });
  assert.deepEqual(found, { kind: "exited", code: 0, stdout: "yes-\n", stderr: "" });
});

test("a file that may not be run says so with the system's code", async () => {
  assert.deepEqual(await runCommand(["/etc/passwd"]), { kind: "not-started", errorCode: "EACCES" });
});

test("an argument longer than the kernel takes says so with the system's code", async () => {
  assert.deepEqual(await runCommand(["true", "x".repeat(200_000)]), { kind: "not-started", errorCode: "E2BIG" });
});

test("what can be no program's arguments is the caller's bug", async () => {
  await assert.rejects(runCommand([]));
  await assert.rejects(runCommand(["true", "a\0b"]));
});

test("a program that takes too long is killed, even when a grandchild holds its output open", async () => {
  const startedAt = performance.now();
  const outcome = await runCommand(["sh", "-c", "echo waiting >&2; sleep 3 & wait"], { timeoutMs: 200 });
  assert.deepEqual(outcome, { kind: "killed", by: "the time limit of 200 ms", stderr: "waiting\n" });
  assert.ok(performance.now() - startedAt < 2_000);
});

test("a program that says too much is killed", async () => {
  const outcome = await runCommand(["yes"], { maxOutputBytes: 10_000 });
  assert.deepEqual(outcome, { kind: "killed", by: "the output limit of 10000 bytes", stderr: "" });
});

test("a program that a signal ends is no success", async () => {
  const outcome = await runCommand(["sh", "-c", "kill -TERM $$"]);
  assert.deepEqual(outcome, { kind: "killed", by: "SIGTERM", stderr: "" });
});
