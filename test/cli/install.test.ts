import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { PLACES } from "../../src/install/places.ts";
import { EXECUTABLE, FROM_SOURCE, run } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-install-cli-"));
after(() => rmSync(folder, { recursive: true }));
chmodSync(folder, 0o755);

const asNobody = ["setpriv", "--reuid", "65534", "--clear-groups", "--inh-caps", "-all", "--bounding-set", "-all"];
/** A host that systemd does not run and on which nothing was installed, whatever this machine is. */
const HIDDEN = 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && exec "$0" "$@"';
const onBareHost = ["unshare", "--mount", "sh", "-c", HIDDEN, ...EXECUTABLE];
const isRoot = process.getuid?.() === 0;
const NEEDS_ROOT = "needs root, to hide what this machine is run by";

describe("taskrole install", () => {
  it("says in its help what it writes, and how to see it beforehand", async () => {
    const { code, stdout } = await run(["install", "--help"]);
    assert.equal(code, 0);
    for (const word of ["--dry-run", "--default-role", PLACES.program, PLACES.config, "taskrole-hold.service"])
      assert.ok(stdout.includes(word), word);
  });

  it("changes nothing on a host without systemd, and says all that is in the way at once", async (t) => {
    if (!isRoot) return t.skip(NEEDS_ROOT);
    const paths = [PLACES.program, PLACES.config, PLACES.journal];
    const before = paths.filter((path) => existsSync(path));
    const { code, stdout, stderr } = await run(["install"], { program: onBareHost });
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /not run by systemd/);
    assert.match(stderr, /taskrole: nothing was changed\.\n$/);
    assert.deepEqual(
      paths.filter((path) => existsSync(path)),
      before,
    );
  });

  it("shows without root what it would do, and says what it could not see", async (t) => {
    if (!isRoot) return t.skip("needs root, to start it as somebody else");
    const { stdout, stderr } = await run(["install", "--dry-run"], { program: [...asNobody, ...EXECUTABLE] });
    assert.match(stdout, /^would create the user taskrole/m);
    assert.match(stderr, /packet rules of this host were not looked at: that takes root/);
    const real = await run(["install"], { program: [...asNobody, ...EXECUTABLE] });
    assert.equal(real.code, 1);
    assert.match(real.stderr, /needs root\.\n {2}Run it by sudo; with --dry-run/);
  });

  it("does not install what is no executable of its own", async () => {
    const { code, stderr } = await run(["install", "--dry-run"], { program: FROM_SOURCE });
    assert.equal(code, 1);
    assert.match(stderr, /no executable of its own.*\n.*npm run build && dist\/taskrole install/);
  });

  it("ends with 2 at a wrong command line and at wrong settings, with the place", async () => {
    const file = join(folder, "wrong.yaml");
    writeFileSync(file, "regoin: eu-west-1\n");
    const rows: readonly [readonly string[], RegExp][] = [
      [["--default-rol", "x"], /--default-role/],
      [["now"], /too many arguments/],
      [["--default-role", "a b"], /flag --default-role: defaultRole/],
      [["--config", file], /wrong\.yaml:1: there is no setting "regoin"; did you mean "region"\?/],
      [["--config", join(folder, "none")], /there is no such configuration file/],
      [["--config", file, "--default-role", "x"], /cannot be used with/],
    ];
    for (const [args, message] of rows) {
      const { code, stderr } = await run(["install", "--dry-run", ...args]);
      assert.equal(code, 2, args.join(" "));
      assert.match(stderr, message);
    }
  });

  it("reads the settings that the service will have, and nothing of this shell's environment", async () => {
    const { code, stderr } = await run(["install", "--dry-run"], { env: { TASKROLE_LISTEN: "nowhere" } });
    assert.notEqual(code, 2);
    assert.doesNotMatch(stderr, /TASKROLE_LISTEN/);
  });
});

describe("taskrole uninstall", () => {
  it("says that there is nothing of an installation, and does nothing", async (t) => {
    if (!isRoot) return t.skip(NEEDS_ROOT);
    const { code, stdout } = await run(["uninstall", "--dry-run"], { program: onBareHost });
    assert.equal(code, 0);
    assert.match(stdout, /^Nothing here is from `taskrole install`\.\nNothing was changed\.\n$/);
  });

  it("shows that the ip rules would go where that is asked", async () => {
    const { stdout } = await run(["uninstall", "--dry-run", "--remove-ip-rules"]);
    assert.match(stdout, /^would remove the ip rules: containers then reach the real metadata service$/m);
  });
});
