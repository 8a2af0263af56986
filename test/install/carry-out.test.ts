import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { InstallError } from "../../src/install/install-error.ts";
import { SERVICE, UNITS } from "../../src/install/places.ts";
import { SCOPE_DROP_IN } from "../../src/kernel/scope-drop-in.ts";
import { SmallHost } from "./small-host.ts";

test("what is installed is there, with its modes, and the journal tells all of it", async (t) => {
  const host = new SmallHost(t);
  await host.install();
  const { program, config, journal } = host.places;
  assert.equal(readFileSync(program, "utf8"), "this program");
  assert.equal((statSync(program).mode & 0o777).toString(8), "755");
  assert.equal((statSync(config).mode & 0o777).toString(8), "644");
  assert.match(readFileSync(config, "utf8"), /^defaultRole: "app"$/m);
  const { isComplete, entries } = JSON.parse(readFileSync(journal, "utf8"));
  assert.equal(isComplete, true);
  assert.deepEqual(
    entries.map(({ kind }: { kind: string }) => kind),
    ["user", "folder", "folder", "file", "file", "file", "file", "file", "file", "units"],
  );
  assert.deepEqual([...host.active], UNITS);
  assert.deepEqual(await host.install(), []);
});

test("systemd is told at once of the drop-in for containers' scopes, and that it is gone", async (t) => {
  const host = new SmallHost(t);
  host.systemd = "252";
  await host.install();
  assert.equal(host.knows(SCOPE_DROP_IN), "");
  host.systemd = "257";
  await host.install();
  assert.match(host.knows(SCOPE_DROP_IN), /^NFTSet=/m);
  await host.uninstall();
  assert.equal(host.knows(SCOPE_DROP_IN), "");
});

test("a strict umask does not keep the daemon's user from its program and its settings", async (t) => {
  const usual = process.umask(0o077);
  t.after(() => process.umask(usual));
  const host = new SmallHost(t);
  await host.install();
  assert.equal((statSync(join(host.folder, "etc/taskrole")).mode & 0o777).toString(8), "755");
  assert.equal((statSync(host.places.program).mode & 0o777).toString(8), "755");
});

test("uninstall leaves what was there before, and nothing else", async (t) => {
  const host = new SmallHost(t);
  const before = host.state();
  await host.install();
  assert.notDeepEqual(host.state(), before);
  assert.deepEqual(await host.uninstall(), []);
  assert.deepEqual(host.state(), before);
});

/** An installation has five commands: useradd, daemon-reload for the drop-in, daemon-reload, enable, start. */
for (const isLastDone of [false, true]) {
  const last = isLastDone ? ", the next one being done all the same" : "";
  for (let commands = 0; commands < 6; commands += 1) {
    test(`interrupted after ${commands} commands${last}, the next installation finishes it, and a removal takes back what there is`, async (t) => {
      const [finished, removed] = [new SmallHost(t), new SmallHost(t)];
      const before = removed.state();
      for (const host of [finished, removed]) {
        Object.assign(host, { commandsLeft: commands, isLastDone });
        if (commands < 5) await assert.rejects(host.install(), InstallError);
        else await host.install();
        host.goOn();
      }
      await finished.install();
      assert.equal(finished.journal.read()?.isComplete, true);
      assert.deepEqual([...finished.active], UNITS);
      await removed.uninstall();
      assert.deepEqual(removed.state(), before);
    });
  }
}

const NEWER_AND_MOVED = { listen: "[::]:7001" };
/** Of the program alone: two actions, one command. With another port: four actions (two files, enable, restart), four commands. */
const INTERRUPTIONS = [
  ...[0, 1, 2, 3, 4].flatMap((commandsLeft) => [false, true].map((isLastDone) => ({ commandsLeft, isLastDone }))),
  ...[0, 1, 2, 3].map((actionsLeft) => ({ actionsLeft })),
];

for (const flags of [{}, NEWER_AND_MOVED])
  for (const interruption of INTERRUPTIONS)
    test(`an upgrade ${JSON.stringify({ ...flags, ...interruption })} is finished by the next: what runs is what is on the disk`, async (t) => {
      const [finished, removed] = [new SmallHost(t), new SmallHost(t)];
      for (const host of [finished, removed]) {
        await host.install();
        host.download("newer program");
        Object.assign(host, interruption);
        await host.install(flags).catch((error: unknown) => assert.ok(error instanceof InstallError));
        host.goOn();
      }
      await finished.install(flags);
      assert.ok(finished.isUpToDate);
      assert.equal(readFileSync(finished.places.program, "utf8"), "newer program");
      assert.equal(finished.journal.read()?.isComplete, true);
      assert.deepEqual(await finished.install(flags), []);
      const before = new SmallHost(t);
      before.download("newer program");
      await removed.uninstall();
      assert.deepEqual(removed.state(), before.state());
    });

test("a program that was put in the place of the old by hand is what was installed, once that program installs", async (t) => {
  const host = new SmallHost(t);
  await host.install();
  host.download("newer program");
  writeFileSync(host.places.program, "newer program");
  assert.deepEqual(
    (await host.install()).map(({ kind }) => kind),
    ["adopt-file", "restart"],
  );
  assert.ok(host.isUpToDate);
  assert.deepEqual(await host.install(), []);
  assert.deepEqual(await host.uninstall(), []);
  assert.ok(!existsSync(host.places.program));
});

for (let commands = 0; commands < 12; commands += 1) {
  test(`a removal that is interrupted after ${commands} commands is finished by the next`, async (t) => {
    const host = new SmallHost(t);
    const before = host.state();
    await host.install();
    host.commandsLeft = commands;
    await host.uninstall().catch((error: unknown) => assert.ok(error instanceof InstallError));
    host.goOn();
    await host.uninstall();
    assert.deepEqual(host.state(), before);
  });
}

test("a removal that fails at the packet rules is finished by the next, to the key of the tokens", async (t) => {
  const host = new SmallHost(t);
  const before = host.state();
  await host.install();
  host.packetRulesRefuse = true;
  await assert.rejects(host.uninstall(), /nft refused/);
  host.packetRulesRefuse = false;
  await host.uninstall();
  assert.deepEqual(host.state(), before);
});

test("what was changed since stays, and is named", async (t) => {
  const host = new SmallHost(t);
  await host.install();
  writeFileSync(host.places.config, "defaultRole: other\n");
  assert.deepEqual(await host.uninstall(), [`${host.places.config} was changed since it was installed, and stays`]);
  assert.equal(readFileSync(host.places.config, "utf8"), "defaultRole: other\n");
  assert.ok(!existsSync(host.places.program));
});

test("what was there before is not taken away: its user, its program", async (t) => {
  const host = new SmallHost(t);
  host.users.add("taskrole");
  writeFileSync(host.places.program, "this program");
  chmodSync(host.places.program, 0o755);
  await host.install();
  await host.uninstall();
  assert.deepEqual([...host.users], ["taskrole"]);
  assert.ok(existsSync(host.places.program));
});

test("a folder for the settings that was there before stays, with its mode", async (t) => {
  const host = new SmallHost(t);
  mkdirSync(join(host.folder, "etc/taskrole"));
  chmodSync(join(host.folder, "etc/taskrole"), 0o750);
  const before = host.state();
  await host.install();
  assert.ok(host.state().files.includes("750 etc/taskrole"));
  await host.uninstall();
  assert.deepEqual(host.state(), before);
});

test("nothing is taken from under a daemon that does not stop", async (t) => {
  const host = new SmallHost(t);
  await host.install();
  host.unstoppable = SERVICE;
  await assert.rejects(host.uninstall(), /^InstallError: taskrole\.service cannot be stopped$/);
  assert.ok(existsSync(host.places.program) && host.users.has("taskrole") && host.hasPacketRules);
});

test("a daemon that fails and is started again, and its socket with it, is stopped all the same", async (t) => {
  const host = new SmallHost(t);
  const before = host.state();
  await host.install();
  host.startsAgain = 2;
  await host.uninstall();
  assert.deepEqual(host.state(), before);
});

test("a failure says which command, what it said, and how to go on or back", async (t) => {
  const host = new SmallHost(t);
  host.commandsLeft = 0;
  await assert.rejects(host.install(), (error: InstallError) => {
    assert.match(error.message, /^"useradd .* taskrole" did not do it \(killed\), saying: the power went$/);
    assert.match(error.remedy, /run the same command again.*taskrole uninstall/);
    return true;
  });
});

test("a journal that is not one is not taken for an empty one", async (t) => {
  const host = new SmallHost(t);
  await host.install();
  writeFileSync(host.places.journal, "{");
  assert.throws(() => host.journal.read(), /installed\.json tells what was installed here, and cannot be understood/);
});
