import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { closedByMode, type DaemonUser, hiddenAway, type Need } from "../../src/install/obstacles.ts";
import { runCommand } from "../../src/kit/run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-obstacles-"));
after(() => rmSync(folder, { recursive: true }));
chmodSync(folder, 0o755);
const file = join(folder, "etc/file");
mkdirSync(join(folder, "etc"));
writeFileSync(file, "#!/bin/sh\n");

const [OWN_UID, OWN_GID] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
const OTHER: DaemonUser = { uid: OWN_UID + 1, gids: [OWN_GID + 1] };
const MEMBER: DaemonUser = { uid: OWN_UID + 1, gids: [OWN_GID + 1, OWN_GID] };
const OWNER: DaemonUser = { uid: OWN_UID, gids: [OWN_GID] };

const ROWS: readonly [what: string, folder: number, file: number, need: Need, user: DaemonUser, expected: string][] = [
  ["a program for all", 0o755, 0o755, "rx", OTHER, ""],
  ["a program made under umask 027", 0o755, 0o750, "rx", OTHER, "file 0750"],
  ["one that can be run and not read, which it does itself", 0o755, 0o711, "rx", OTHER, "file 0711"],
  ["settings of root's alone", 0o755, 0o600, "r", OTHER, "file 0600"],
  ["a folder of root's alone, and what is in it", 0o700, 0o600, "r", OTHER, "etc 0700, file 0600"],
  ["a folder that can be entered and not listed", 0o711, 0o644, "r", OTHER, ""],
  ["settings for the daemon's group", 0o750, 0o640, "r", MEMBER, ""],
  ["a group that has less than all others", 0o755, 0o604, "r", MEMBER, "file 0604"],
  ["its own file", 0o700, 0o400, "r", OWNER, ""],
  ["a user that is not there yet", 0o755, 0o640, "r", undefined, "file 0640"],
];

for (const [what, folderMode, fileMode, need, user, expected] of ROWS) {
  test(`what modes keep the daemon from: ${what}`, async (t) => {
    chmodSync(file, fileMode);
    chmodSync(join(folder, "etc"), folderMode);
    t.after(() => chmodSync(join(folder, "etc"), 0o755));
    const found = closedByMode({ path: file, need }, user);
    const said = found.map(({ path, ...rest }) => `${path.split("/").at(-1)} ${"mode" in rest ? rest.mode : ""}`);
    assert.equal(said.join(", "), expected);
    if (OWN_UID !== 0 || user === OWNER) return; // below, the kernel itself is asked
    const gids = user?.gids.join(",") ?? "65534";
    const as = ["setpriv", `--reuid=${user?.uid ?? 65534}`, `--regid=65534`, `--groups=${gids}`, "--bounding-set=-all"];
    const tests = [...need].map((letter) => `test -${letter} ${file}`).join(" && ");
    const outcome = await runCommand([...as, "sh", "-c", tests]);
    assert.equal(outcome.kind === "exited" && outcome.code === 0, expected === "", JSON.stringify(outcome));
  });
}

test("what is not there yet is no obstacle, nor is a file that only must be reached", () => {
  assert.deepEqual(closedByMode({ path: join(folder, "none/file"), need: "r" }, OTHER), []);
  chmodSync(file, 0o600);
  assert.deepEqual(closedByMode({ path: file, need: undefined }, OTHER), []);
});

test("a link is followed: what counts is the way to where it leads", () => {
  const [closed, link] = [join(folder, "closed"), join(folder, "link")];
  mkdirSync(closed, { mode: 0o700 });
  writeFileSync(join(closed, "file"), "", { mode: 0o644 });
  symlinkSync(join(closed, "file"), link);
  assert.deepEqual(closedByMode({ path: link, need: "r" }, OTHER), [
    { kind: "mode", path: closed, file: link, mode: "0700", lacks: "x" },
  ]);
});

test("what the unit hides is told by the place, and not where the operator has lifted it", () => {
  const by = (path: string, lifted = "") =>
    hiddenAway({ path, need: "r", setting: "roleMapFile" }, (line) => line === lifted).map((obstacle) =>
      obstacle.kind === "hidden" ? [obstacle.path, obstacle.by, obstacle.name].join(" ") : "",
    );
  assert.deepEqual(by("/root/map.yaml"), ["/root/map.yaml ProtectHome roleMapFile"]);
  assert.deepEqual(by("/home/a/b/map.yaml"), ["/home/a/b/map.yaml ProtectHome roleMapFile"]);
  assert.deepEqual(by("/run/user/1000/docker.sock"), ["/run/user/1000/docker.sock ProtectHome roleMapFile"]);
  assert.deepEqual(by("/tmp/map.yaml"), ["/tmp/map.yaml PrivateTmp roleMapFile"]);
  assert.deepEqual(by("/var/tmp/map.yaml"), ["/var/tmp/map.yaml PrivateTmp roleMapFile"]);
  for (const path of ["/etc/taskrole/map.yaml", "/homes/map.yaml", "/var/lib/root/map.yaml", "/run/docker.sock"])
    assert.deepEqual(by(path), [], path);
  assert.deepEqual(by("/root/map.yaml", "ProtectHome"), []);
  assert.deepEqual(by("/root/map.yaml", "PrivateTmp").length, 1);
});
