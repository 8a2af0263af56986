import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { test } from "node:test";
import { runCommand } from "../../src/kit/run-command.ts";
import { hasMeans } from "../kernel/network-lab.ts";

test("shellcheck finds nothing in the scripts that operators are given", async (t) => {
  const { kind } = await runCommand(["shellcheck", "--version"]);
  if (!hasMeans(t, kind === "exited" ? undefined : "needs shellcheck (Debian package shellcheck)")) return;
  const scripts = globSync("examples/**/*.sh");
  assert.ok(scripts.length >= 2);
  const outcome = await runCommand(["shellcheck", ...scripts]);
  assert.ok(outcome.kind === "exited");
  assert.equal(outcome.stdout, "");
});
