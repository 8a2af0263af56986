import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { InstallError } from "../../src/install/install-error.ts";
import { EMPTY, JournalFile } from "../../src/install/journal.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-journal-"));
after(() => rmSync(folder, { recursive: true }));

/** Root is refused it, too, unlike a folder that nobody may write. */
const BELOW_A_FILE = join(folder, "file/installed.json");
writeFileSync(join(folder, "file"), "");

for (const [what, task] of [
  ["written", (journal: JournalFile) => journal.write(EMPTY)],
  ["removed", (journal: JournalFile) => journal.remove()],
] as const) {
  test(`a journal that cannot be ${what} is named, with what to do`, () => {
    assert.throws(
      () => task(new JournalFile(BELOW_A_FILE)),
      (error: unknown) => {
        assert.ok(error instanceof InstallError, String(error));
        assert.ok(error.message.startsWith(`${BELOW_A_FILE}: `), error.message);
        assert.match(error.message, /ENOTDIR|EEXIST/);
        assert.match(error.remedy, /run the same command again/);
        return true;
      },
    );
  });
}
