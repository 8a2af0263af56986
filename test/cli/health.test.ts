import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { askAdmin } from "../../src/admin/admin-client.ts";
import { adminService, HEALTH } from "../../src/app/admin-service.ts";
import { startHost } from "../support/host.ts";
import { EXECUTABLE, FROM_SOURCE, run } from "../support/program.ts";

const base = mkdtempSync(join(tmpdir(), "taskrole-health-"));
after(() => rmSync(base, { recursive: true, force: true }));

async function serving(t: TestContext, program = EXECUTABLE) {
  const directory = mkdtempSync(join(base, "run-"));
  const host = await startHost({ containers: {}, program, flags: { "runtime-directory": directory } });
  t.after(() => host[Symbol.asyncDispose]());
  const health = () => run(["health", "--runtime-directory", directory], { program });
  return { host, directory, health };
}

for (const [name, program] of [
  ["the executable", EXECUTABLE],
  ["from source", FROM_SOURCE],
] as const) {
  describe(`taskrole health, ${name}`, () => {
    it("is 0 and one line while the daemon serves, 1 and one line when it hangs, and 0 again when it goes on", async (t) => {
      const { host, health } = await serving(t, program);
      const well = { code: 0, stdout: "taskrole serves containers\n", stderr: "" };
      assert.deepEqual(await health(), well);
      host.taskrole.signal("SIGSTOP");
      const hung = await health();
      host.taskrole.signal("SIGCONT");
      assert.deepEqual([hung.code, hung.stdout], [1, ""]);
      assert.match(hung.stderr, /^taskrole: the daemon at \S+admin\.sock does not answer: it hangs[^\n]*\n$/);
      assert.deepEqual(await health(), well);
    });

    it("is 1 when nobody answers, also at the socket of a killed daemon, and says what to do", async (t) => {
      const { host, directory, health } = await serving(t, program);
      await host.taskrole.kill();
      const { code, stdout, stderr } = await health();
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(
        stderr,
        /^taskrole: no daemon answers at \S+ \(ECONNREFUSED\): is `taskrole serve` running\?[^\n]*\n$/,
      );
      const elsewhere = await run(["health", "--admin-socket", join(directory, "none.sock")], { program });
      assert.equal(elsewhere.code, 1);
      assert.match(elsewhere.stderr, /none\.sock \(ENOENT\)/);
    });
  });
}

describe("the daemon's answer", () => {
  it("is 503 until all of it has started, and again once it is to stop", async (t) => {
    const runtimeDirectory = mkdtempSync(join(base, "run-"));
    const log = { debug() {}, info() {}, warn: assert.fail, error: assert.fail };
    let isServing = false;
    const service = adminService({
      settings: { runtimeDirectory, adminSocket: undefined },
      log,
      given: undefined,
      reload: () => assert.fail("nobody asked for that"),
      isServing: () => isServing,
    });
    await service.start();
    t.after(() => service.stop());
    const asked = () => askAdmin(join(runtimeDirectory, "admin.sock"), HEALTH);
    assert.deepEqual(await asked(), { status: 503, body: { isServing: false } });
    isServing = true;
    assert.deepEqual(await asked(), { status: 200, body: { isServing: true } });
  });
});

it("a wrong word is 2", async () => {
  const { code, stderr } = await run(["health", "--admin-sokcet", "x"]);
  assert.equal(code, 2);
  assert.match(stderr, /--admin-socket/);
});
