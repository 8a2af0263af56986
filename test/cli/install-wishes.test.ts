import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

/** A pipe of the shell's: Node's own is a socket, which has no name to open. */
const PIPE = 'printf "%s" "$1" | exec "$2" --input-type=module -e "$3"';
const TOLD = `import { wishesOf } from "./src/cli/install-wishes.ts";
const { config, settings } = wishesOf({ defaultRole: undefined, file: "/dev/stdin", isDry: true });
console.log(JSON.stringify({ defaultRole: config.defaultRole, settings }));`;

test("settings from a pipe are read once, and that very text is checked and copied", async () => {
  const settings = "# mine\ndefaultRole: app\n";
  const { stdout } = await promisify(execFile)("sh", ["-c", PIPE, "sh", settings, process.execPath, TOLD]);
  const { defaultRole, ...told } = JSON.parse(stdout);
  assert.deepEqual(told, { settings });
  assert.match(JSON.stringify(defaultRole), /app/);
});
