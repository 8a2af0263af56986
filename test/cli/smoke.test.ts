import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EXECUTABLE, FROM_SOURCE, run } from "../support/program.ts";

for (const [name, program] of [
  ["the executable", EXECUTABLE],
  ["from source", FROM_SOURCE],
] as const) {
  describe(`taskrole smoke, ${name}`, () => {
    it("wants to know which role, and says what is wrong with one that is none", async () => {
      const unnamed = await run(["smoke"], { program });
      assert.equal(unnamed.code, 2);
      assert.match(unnamed.stderr, /^taskrole smoke: say with --role which role/);
      const bad = await run(["smoke", "--role", "two words"], { program });
      assert.equal(bad.code, 2);
      assert.match(bad.stderr, /--role "two words" is no role, because it contains white space/);
    });

    it("takes the default role of the settings, and says what is missing where no engine answers", async () => {
      const env = { TASKROLE_DEFAULT_ROLE: "base", TASKROLE_DOCKER_ENDPOINT: "unix:///nowhere.sock" };
      const { code, stdout, stderr } = await run(["smoke"], { program, env });
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /^taskrole smoke: .*(nowhere\.sock|the program docker: install it)/);
    });
  });
}

describe("taskrole smoke --help", () => {
  it("names each option, and suggests one at a wrong word", async () => {
    const { stdout } = await run(["smoke", "--help"]);
    for (const flag of [
      "role",
      "label",
      "network",
      "image",
      "restart-daemon",
      "after-reboot",
      "show-accounts",
      "config",
    ])
      assert.match(stdout, new RegExp(`--${flag}\\b`));
    const { code, stderr } = await run(["smoke", "--after-rebot"]);
    assert.equal(code, 2);
    assert.match(stderr, /--after-reboot/);
  });
});
