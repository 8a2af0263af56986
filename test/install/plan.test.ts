import assert from "node:assert/strict";
import { test } from "node:test";
import { type Action, wordsOf } from "../../src/install/action.ts";
import { PLACES, SERVICE, SOCKET, UNITS } from "../../src/install/places.ts";
import { installPlan, settingsOf, sha256Of } from "../../src/install/plan.ts";
import type { Survey, Wishes } from "../../src/install/survey.ts";
import { unitTexts } from "../../src/install/units.ts";
import { FIT, journalOf, RUNNING, unitPath, wishes } from "./surveys.ts";

const PROGRAM = sha256Of("this program");
const planOf = (survey: Partial<Survey> = {}, wanted: Wishes = wishes()) =>
  installPlan({ ...FIT, ...survey }, wanted, { programSha256: PROGRAM });
const words = (actions: readonly Action[]) => actions.map(wordsOf);

const texts = unitTexts({
  program: PLACES.program,
  listen: { host: "::", port: 9254 },
  dockerGroup: "docker",
  tellsOfScopes: false,
});
const unitFiles = Object.fromEntries(Object.entries(texts).map(([unit, text]) => [unitPath(unit), sha256Of(text)]));
const SETTINGS = sha256Of("defaultRole: x\n");
const installed = { [PLACES.program]: PROGRAM, [PLACES.config]: SETTINGS, ...unitFiles };
const INSTALLED: Partial<Survey> = {
  ...{ files: installed, units: RUNNING, journal: journalOf(installed) },
  ...{ hasUser: true, hasConfigFolder: true },
};

test("on an empty host: the user, the files, and at the end the units, enabled and started in their order", () => {
  const { actions, conflicts, kept } = planOf({}, wishes({}, settingsOf("app")));
  assert.deepEqual(words(actions), [
    "create the user taskrole, who can neither log in nor own a home",
    "make the folder /etc/taskrole",
    "write /usr/local/bin/taskrole by a copy of this program",
    "write /etc/taskrole/config.yaml",
    "write /etc/systemd/system/taskrole-hold.service",
    "write /etc/systemd/system/taskrole.socket",
    "write /etc/systemd/system/taskrole.service",
    "have systemd start taskrole-hold.service, taskrole.socket, taskrole.service with the host",
    "start taskrole-hold.service, taskrole.socket, taskrole.service",
  ]);
  assert.deepEqual([...conflicts, ...kept], []);
});

test("where all is in place there is nothing to do, whoever runs it", () => {
  assert.deepEqual(planOf(INSTALLED).actions, []);
  assert.deepEqual(planOf({ ...INSTALLED, executable: PLACES.program }).actions, []);
});

test("an upgrade replaces the program and restarts the daemon; the settings stay", () => {
  const files = { ...installed, [PLACES.program]: "older" };
  const { actions } = planOf({ ...INSTALLED, files, journal: journalOf(files) });
  assert.deepEqual(words(actions), [
    "replace /usr/local/bin/taskrole by a copy of this program",
    "restart taskrole.service",
  ]);
});

const RESTARTED = ["restart taskrole.service"];
const BOTH_RESTARTED = ["restart taskrole.socket, taskrole.service"];

test("a daemon that is another file than the program in its place is restarted", () => {
  assert.deepEqual(words(planOf({ ...INSTALLED, isDaemonOutdated: true }).actions), RESTARTED);
});

test("what an interrupted installation may not have come to is done again: units read, socket and daemon restarted", () => {
  assert.deepEqual(words(planOf({ ...INSTALLED, journal: journalOf(installed, false) }).actions), [
    "have systemd start taskrole-hold.service, taskrole.socket, taskrole.service with the host",
    ...BOTH_RESTARTED,
  ]);
});

for (const { unit, restarted } of [
  { unit: SERVICE, restarted: RESTARTED },
  { unit: SOCKET, restarted: BOTH_RESTARTED },
])
  test(`a unit that systemd has not read again is: ${unit}`, () => {
    const units = { ...RUNNING, [unit]: { isEnabled: true, isActive: true, needsReload: true } };
    assert.deepEqual(words(planOf({ ...INSTALLED, units }).actions), [
      `have systemd start ${unit} with the host`,
      ...restarted,
    ]);
  });

test("a socket that is replaced is restarted where the daemon does not run, and one that is closed where it does", () => {
  const inactive = { isEnabled: true, isActive: false, needsReload: false };
  const daemonFails = { ...INSTALLED, units: { ...RUNNING, [SERVICE]: inactive } };
  assert.deepEqual(words(planOf(daemonFails, wishes({ listen: "[::]:7001" })).actions).slice(2), BOTH_RESTARTED);
  const isClosed = { ...INSTALLED, units: { ...RUNNING, [SOCKET]: inactive } };
  assert.deepEqual(words(planOf(isClosed).actions), BOTH_RESTARTED);
});

test("a program that somebody put there since is in the way, unless it is this one: then it is what was installed", () => {
  const another = { ...INSTALLED, files: { ...installed, [PLACES.program]: "another" } };
  const { actions, conflicts } = planOf(another);
  assert.deepEqual(actions, []);
  assert.match(
    conflicts[0] ?? "",
    /bin\/taskrole is there already, .*\(install \/root\/taskrole \/usr\/local\/bin\/taskrole && taskrole install\)/,
  );
  const journal = journalOf({ ...installed, [PLACES.program]: "older" });
  const itself = { ...INSTALLED, executable: PLACES.program, journal, isDaemonOutdated: true };
  assert.deepEqual(words(planOf(itself).actions), [
    "note /usr/local/bin/taskrole, as it is now, as installed",
    ...RESTARTED,
  ]);
});

test("another port is another socket, restarted with the daemon", () => {
  const { actions } = planOf(INSTALLED, wishes({ listen: "[::]:7001" }));
  assert.deepEqual(words(actions), [
    "replace /etc/systemd/system/taskrole.socket",
    "have systemd start taskrole.socket with the host",
    "restart taskrole.socket, taskrole.service",
  ]);
});

test("a unit that was changed since stays as it is, and is named", () => {
  const { actions, kept } = planOf({ ...INSTALLED, files: { ...installed, [unitPath(SERVICE)]: "edited" } });
  assert.deepEqual(actions, []);
  assert.deepEqual(kept, [
    "/etc/systemd/system/taskrole.service was changed since it was installed, and stays as it is",
  ]);
});

for (const path of [PLACES.program, unitPath(SOCKET)]) {
  test(`what somebody else put there is in the way: ${path}`, () => {
    const { conflicts } = planOf({ files: { [path]: "another" } });
    assert.equal(conflicts.length, 1);
    assert.match(conflicts[0] ?? "", new RegExp(`^${path} is there already`));
  });
}

test("settings of the operator's own stay, and are in the way of those that a flag would write", () => {
  const files = { [PLACES.config]: "his own" };
  assert.ok(
    !words(planOf({ files, hasConfigFolder: true }).actions).some(
      (line) => line.includes("config.yaml") || line.includes("folder"),
    ),
  );
  assert.match(planOf({ files }, wishes({}, settingsOf("app"))).conflicts[0] ?? "", /config\.yaml is there already/);
});

test("settings that were changed since are in the way of other ones that a flag asks for, and of nothing else", () => {
  const changed = { ...INSTALLED, files: { ...installed, [PLACES.config]: sha256Of("listen: ...") } };
  const { conflicts } = planOf(changed, wishes({}, settingsOf("app")));
  assert.match(conflicts[0] ?? "", /config\.yaml was changed since it was installed, .*Leave out the flag/);
  assert.deepEqual(planOf(changed), { actions: [], kept: [], conflicts: [] });
  assert.deepEqual(planOf(changed, wishes({}, "listen: ...")), { actions: [], kept: [], conflicts: [] });
});

test("systemd 255 and later is told to tell the packet rules of containers' scopes", () => {
  const dropIn = "/etc/systemd/system/docker-.scope.d/50-taskrole.conf";
  const about = (survey: Partial<Survey>, flags = {}) =>
    words(planOf({ ...INSTALLED, ...survey }, wishes(flags)).actions).filter((line) =>
      line.includes("docker-.scope.d"),
    );
  const [made, written] = ["make the folder /etc/systemd/system/docker-.scope.d", `write ${dropIn}`];
  assert.deepEqual(about({ systemd: "255" }), [made, written]);
  assert.deepEqual(about({ systemd: "255", hasDropInFolder: true }), [written]);
  assert.deepEqual(about({ systemd: "252" }), []);
  assert.deepEqual(about({ systemd: "255" }, { hostNetwork: "host" }), []);
});

test("a folder that is there is not made; one that an interrupted installation was about to make is", () => {
  const isMade = (survey: Partial<Survey>) => words(planOf(survey).actions).includes("make the folder /etc/taskrole");
  const entries = [{ kind: "folder" as const, path: "/etc/taskrole" }];
  assert.equal(isMade({ hasConfigFolder: true }), false);
  assert.equal(isMade({ hasConfigFolder: true, journal: { version: 1, isComplete: true, entries } }), false);
  assert.equal(isMade({ hasConfigFolder: true, journal: { version: 1, isComplete: false, entries } }), true);
});

test("what is there and the same is nobody's to write, and so nobody's to remove", () => {
  assert.ok(!words(planOf({ files: { [PLACES.program]: PROGRAM } }).actions).some((line) => line.includes("/bin/")));
});

test("a writing that was interrupted is done again, whichever of the two is there", () => {
  for (const found of ["new", "old"]) {
    const journal = { ...journalOf(installed, false) };
    const entries = journal.entries.map((entry) =>
      entry.kind === "file" && entry.path === PLACES.program ? { ...entry, sha256: "new", was: "old" } : entry,
    );
    const survey = { ...INSTALLED, files: { ...installed, [PLACES.program]: found }, journal: { ...journal, entries } };
    assert.equal(words(planOf(survey).actions)[0], "replace /usr/local/bin/taskrole by a copy of this program");
  }
});

test("units that are stopped are started, and those that are not to start with the host are made to", () => {
  const units = { ...RUNNING, [SERVICE]: { isEnabled: false, isActive: false, needsReload: false } };
  assert.deepEqual(words(planOf({ ...INSTALLED, units }).actions), [
    "have systemd start taskrole.service with the host",
    "start taskrole.service",
  ]);
  assert.equal(UNITS.at(-1), SERVICE);
});
