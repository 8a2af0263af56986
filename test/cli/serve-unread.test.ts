import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../bench/programs.ts";
import { EXECUTABLE } from "../support/program.ts";

const [PROGRAM = ""] = EXECUTABLE;
/** 200 bytes or more a line: more than a pipe holds. */
const REQUESTS = 1_000;

test("a daemon whose log nobody reads any more serves on, and ends when it is told to", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "taskrole-unread-"));
  const pipe = join(folder, "log");
  execFileSync("mkfifo", [pipe]);
  const descriptor = openSync(pipe, constants.O_RDWR); // keeps a reader there that never reads
  const port = await freePort();
  const flags = ["--mock", "--log-level", "debug", "--interception", "none", "--listen", `127.0.0.1:${port}`];
  const elsewhere = ["--docker-endpoint", "unix:///nonexistent", "--runtime-directory", folder];
  const child = spawn(PROGRAM, ["serve", ...flags, ...elsewhere], {
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", descriptor, "ignore"],
  });
  t.after(() => {
    child.kill("SIGKILL");
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  });
  await eventuallyListens(port);

  let answered = 0;
  for (let i = 0; i < REQUESTS; i += 1) answered += (await ask(port)) > 0 ? 1 : 0;
  assert.equal(answered, REQUESTS);

  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const [code] = await Promise.race([ended, delay(8_000, ["it still runs"], { ref: false })]);
  assert.equal(code, 0);
});

/** @returns how many bytes came */
async function ask(port: number): Promise<number> {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  let bytes = 0;
  socket.on("data", (chunk) => {
    bytes += chunk.length;
  });
  socket.write("POST / HTTP/1.1\r\n\r\n");
  await new Promise((resolve) => socket.once("close", resolve));
  return bytes;
}

async function eventuallyListens(port: number): Promise<void> {
  for (let i = 0; i < 200 && (await ask(port)) === 0; i += 1) await delay(50);
}
