import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { keepMemoryOutOfCoreFiles } from "../../src/app/core-dump.ts";

describe("keepMemoryOutOfCoreFiles", () => {
  it("selects no kind of memory for this process's core files", () => {
    const script = `import { readFileSync } from "node:fs";
      import { keepMemoryOutOfCoreFiles } from "./src/app/core-dump.ts";
      console.log(keepMemoryOutOfCoreFiles(), readFileSync("/proc/self/coredump_filter", "latin1"));`;
    const said = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", script], { encoding: "utf8" });
    assert.match(said, /^undefined 0+\s/);
  });

  it("says why it could not", () => {
    assert.match(
      keepMemoryOutOfCoreFiles("/nowhere/coredump_filter") ?? "",
      /^\/nowhere\/coredump_filter cannot be written \(ENOENT\)$/,
    );
  });
});
