import assert from "node:assert/strict";
import { test } from "node:test";
import { Running } from "../support/program.ts";

/** Nothing of the process' own end can write what was not flushed before it: SIGKILL leaves it no last word. */
const program = (logFormat: string): string => `
  import { createLogger } from "./src/app/logger.ts";
  const { log, flush } = await createLogger({ logLevel: "info", logFormat: "${logFormat}" });
  for (const word of ["first", "second", "third"]) log.info({}, word);
  await flush();
  process.kill(process.pid, "SIGKILL");
`;

for (const logFormat of ["json", "text"] as const) {
  test(`${logFormat}: once flushed, every line is with its reader, the last as well`, async () => {
    const node = [process.execPath, "--input-type=module", "-e"];
    const { stdout, stderr } = await new Running([program(logFormat)], { program: node }).ended();
    assert.equal(stderr, "");
    assert.deepEqual(stdout.match(/first|second|third/g), ["first", "second", "third"]);
  });
}

test("of a field as much is written as anybody reads: a container's name may be megabytes", async () => {
  const line = `
    import { createLogger } from "./src/app/logger.ts";
    const { log, flush } = await createLogger({ logLevel: "info", logFormat: "json" });
    log.warn({ container: "x".repeat(8 << 20), err: new Error("why"), port: 1 }, "told");
    log.warn({ container: "y".repeat(4096) }, "whole");
    await flush();
  `;
  const node = [process.execPath, "--input-type=module", "-e"];
  const { stdout, stderr } = await new Running([line], { program: node }).ended();
  assert.equal(stderr, "");
  const [cut, whole] = stdout
    .trim()
    .split("\n")
    .map((one) => JSON.parse(one));
  assert.equal(cut.container, `${"x".repeat(4096)}…`);
  assert.deepEqual([cut.port, cut.err.message, cut.msg], [1, "why", "told"]);
  assert.equal(whole.container, "y".repeat(4096));
});
