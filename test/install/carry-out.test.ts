import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Action } from "../../src/install/action.ts";
import { type Hands, install, uninstall } from "../../src/install/carry-out.ts";
import { sha256OfFile } from "../../src/install/host-survey.ts";
import { InstallError } from "../../src/install/install-error.ts";
import { JournalFile } from "../../src/install/journal.ts";
import { type Places, SERVICE, UNITS } from "../../src/install/places.ts";
import { installPlan, settingsOf } from "../../src/install/plan.ts";
import { removalPlan } from "../../src/install/removal.ts";
import type { Survey } from "../../src/install/survey.ts";
import type { RunCommand } from "../../src/kit/run-command.ts";
import { FIT, wishes } from "./surveys.ts";

/** The files are real, below a folder; users and units are kept here as the real programs would. */
class SmallHost {
  readonly folder = mkdtempSync(join(tmpdir(), "taskrole-install-"));
  readonly places: Places;
  readonly journal: JournalFile;
  readonly users = new Set<string>();
  readonly enabled = new Set<string>();
  readonly active = new Set<string>();
  readonly said: string[] = [];
  hasPacketRules = false;
  packetRulesRefuse = false;
  /** A unit that goes on running, whoever stops it. */
  unstoppable = "";
  /** How many more commands do what they are told and say so. */
  commandsLeft = Number.POSITIVE_INFINITY;
  /** Whether the one after that does what it is told, too, and only cannot say so any more. */
  isLastDone = false;

  constructor(t: TestContext) {
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    for (const name of ["bin", "units", "etc", "lib"]) mkdirSync(join(this.folder, name));
    const at = (name: string) => join(this.folder, name);
    this.places = {
      program: at("bin/taskrole"),
      config: at("etc/taskrole/config.yaml"),
      units: at("units"),
      journal: at("lib/taskrole/installed.json"),
      runtime: at("run"),
    };
    writeFileSync(at("downloaded"), "this program");
    this.journal = new JournalFile(this.places.journal);
  }

  survey(): Survey {
    const paths = [this.places.program, this.places.config, ...UNITS.map((unit) => join(this.places.units, unit))];
    return {
      ...FIT,
      executable: join(this.folder, "downloaded"),
      hasUser: this.users.has("taskrole"),
      hasConfigFolder: existsSync(join(this.folder, "etc/taskrole")),
      files: Object.fromEntries(paths.map((path) => [path, sha256OfFile(path)])),
      units: Object.fromEntries(
        UNITS.map((unit) => [unit, { isEnabled: this.enabled.has(unit), isActive: this.active.has(unit) }]),
      ),
      journal: this.journal.read(),
    };
  }

  async install(): Promise<readonly Action[]> {
    const programSha256 = sha256OfFile(join(this.folder, "downloaded")) ?? "";
    const { actions, conflicts } = installPlan(this.survey(), wishes({}, settingsOf("app")), {
      programSha256,
      places: this.places,
    });
    assert.deepEqual(conflicts, []);
    await install(actions, this.hands());
    return actions;
  }

  async uninstall(): Promise<readonly string[]> {
    const { files, journal } = this.survey();
    const survey = { journal, files, hasUser: (name: string) => this.users.has(name) };
    const { actions, kept } = removalPlan(survey, { removeIpRules: false, places: this.places });
    await uninstall(actions, this.hands());
    return kept;
  }

  /** All that is there. */
  state() {
    const modeOf = (name: string) => (statSync(join(this.folder, name)).mode & 0o777).toString(8);
    const names = readdirSync(this.folder, { recursive: true, encoding: "utf8" }).sort();
    return {
      files: names.map((name) => `${modeOf(name)} ${name}`),
      users: [...this.users],
      enabled: [...this.enabled],
      active: [...this.active],
      hasPacketRules: this.hasPacketRules,
    };
  }

  hands(): Hands {
    return {
      run: this.#run,
      journal: this.journal,
      onDone: (words) => this.said.push(words),
      removePacketRules: async () => {
        if (this.packetRulesRefuse) throw new Error("nft refused");
        this.hasPacketRules = false;
      },
      removeIpRules: async () => assert.fail("nobody asked for that"),
    };
  }

  readonly #run: RunCommand = async (argv) => {
    this.commandsLeft -= 1;
    const isPast = this.commandsLeft < 0;
    const [program = "", ...args] = argv;
    const word = program === "systemctl" ? (args[0] ?? "") : program;
    const isActive = this.active.has(args.at(-1) ?? "");
    if (!isPast || (this.isLastDone && this.commandsLeft === -1)) this.#deeds[word]?.(args);
    if (isPast) return { kind: "killed", by: "SIGKILL", stderr: "the power went" };
    return { kind: "exited", code: word === "is-active" && !isActive ? 3 : 0, stdout: "", stderr: "" };
  };

  readonly #deeds: Readonly<Record<string, (args: readonly string[]) => void>> = {
    useradd: (args) => this.users.add(args.at(-1) ?? ""),
    userdel: (args) => this.users.delete(args.at(-1) ?? ""),
    enable: (args) => unitsIn(args).forEach((unit) => void this.enabled.add(unit)),
    start: (args) => {
      unitsIn(args).forEach((unit) => void this.active.add(unit));
      this.hasPacketRules = true;
      mkdirSync(this.places.runtime, { recursive: true });
      writeFileSync(join(this.places.runtime, "token.key"), "");
    },
    disable: (args) => unitsIn(args).forEach((unit) => void this.#stop(unit)),
  };

  #stop(unit: string): void {
    if (unit !== this.unstoppable) this.active.delete(unit);
    this.enabled.delete(unit);
  }
}

const unitsIn = (args: readonly string[]): readonly string[] => args.filter((arg) => UNITS.includes(arg));

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
    ["user", "folder", "file", "file", "file", "file", "file", "units"],
  );
  assert.deepEqual([...host.active], UNITS);
  assert.deepEqual(await host.install(), []);
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

/** An installation has four commands: useradd, daemon-reload, enable, start. */
for (const isLastDone of [false, true]) {
  const last = isLastDone ? ", the next one being done all the same" : "";
  for (let commands = 0; commands < 5; commands += 1) {
    test(`interrupted after ${commands} commands${last}, the next installation finishes it, and a removal takes back what there is`, async (t) => {
      const [finished, removed] = [new SmallHost(t), new SmallHost(t)];
      const before = removed.state();
      for (const host of [finished, removed]) {
        Object.assign(host, { commandsLeft: commands, isLastDone });
        if (commands < 4) await assert.rejects(host.install(), InstallError);
        else await host.install();
        host.commandsLeft = Number.POSITIVE_INFINITY;
      }
      await finished.install();
      assert.equal(finished.journal.read()?.isComplete, true);
      assert.deepEqual([...finished.active], UNITS);
      await removed.uninstall();
      assert.deepEqual(removed.state(), before);
    });
  }
}

for (let commands = 0; commands < 12; commands += 1) {
  test(`a removal that is interrupted after ${commands} commands is finished by the next`, async (t) => {
    const host = new SmallHost(t);
    const before = host.state();
    await host.install();
    host.commandsLeft = commands;
    await host.uninstall().catch((error: unknown) => assert.ok(error instanceof InstallError));
    host.commandsLeft = Number.POSITIVE_INFINITY;
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
