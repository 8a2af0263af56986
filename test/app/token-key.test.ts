import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { tokenKey } from "../../src/app/token-key.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-key-"));
after(() => rmSync(folder, { recursive: true }));

describe("tokenKey", () => {
  it("is made once, is the same after a restart, and its owner's alone", () => {
    const directory = join(folder, "run", "taskrole");
    const { key, keptNowhereBecause } = tokenKey(directory);
    assert.equal(key.length, 32);
    assert.equal(keptNowhereBecause, undefined);
    assert.deepEqual(tokenKey(directory).key, key);
    assert.equal(statSync(join(directory, "token.key")).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(directory), ["token.key"]);
  });

  it("replaces a file that is no key", () => {
    writeFileSync(join(folder, "token.key"), "short");
    const { key } = tokenKey(folder);
    assert.equal(key.length, 32);
    assert.deepEqual(tokenKey(folder).key, key);
  });

  it("is good for this process alone where it cannot be kept, and says why", () => {
    const { key, keptNowhereBecause } = tokenKey(join(folder, "token.key", "below-a-file"));
    assert.equal(key.length, 32);
    assert.match(keptNowhereBecause ?? "", /below-a-file cannot be written \(ENOTDIR\)/);
  });
});
