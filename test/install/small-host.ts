import assert from "node:assert/strict";
import {
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
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { Action } from "../../src/install/action.ts";
import { type Hands, install, uninstall } from "../../src/install/carry-out.ts";
import { sha256OfFile } from "../../src/install/host-survey.ts";
import { InstallError } from "../../src/install/install-error.ts";
import { JournalFile } from "../../src/install/journal.ts";
import { HOLD, type Places, SERVICE, UNITS } from "../../src/install/places.ts";
import { installPlan, settingsOf } from "../../src/install/plan.ts";
import { removalPlan } from "../../src/install/removal.ts";
import type { Survey } from "../../src/install/survey.ts";
import { SCOPE_DROP_IN } from "../../src/kernel/scope-drop-in.ts";
import { attempt } from "../../src/kit/attempt.ts";
import type { RunCommand } from "../../src/kit/run-command.ts";
import { FIT, wishes } from "./surveys.ts";

/** The files are real, below a folder; users and units are kept here as the real programs would. */
export class SmallHost {
  readonly folder = mkdtempSync(join(tmpdir(), "taskrole-install-"));
  readonly places: Places;
  readonly journal: JournalFile;
  readonly users = new Set<string>();
  readonly enabled = new Set<string>();
  readonly active = new Set<string>();
  systemd = "257";
  hasPacketRules = false;
  packetRulesRefuse = false;
  /** A unit that goes on running, whoever stops it. */
  unstoppable = "";
  /** So often what is stopped is started by something else at once. */
  startsAgain = 0;
  /** How many more actions are seen to their end. */
  actionsLeft = Number.POSITIVE_INFINITY;
  /** How many more commands do what they are told and say so. */
  commandsLeft = Number.POSITIVE_INFINITY;
  /** Whether the one after that does what it is told, too, and only cannot say so any more. */
  isLastDone = false;
  /** What systemd read of each unit's file, and what each unit that runs was started from. */
  readonly #read = new Map<string, string>();
  readonly #startedFrom = new Map<string, string>();

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
    this.download("this program");
    this.journal = new JournalFile(this.places.journal);
  }

  download(program: string): void {
    writeFileSync(join(this.folder, "downloaded"), program);
  }

  survey(): Survey {
    const paths = [
      this.places.program,
      this.places.config,
      ...[...UNITS, SCOPE_DROP_IN].map((name) => join(this.places.units, name)),
    ];
    return {
      ...FIT,
      systemd: this.systemd,
      executable: join(this.folder, "downloaded"),
      hasUser: this.users.has("taskrole"),
      hasDropInFolder: existsSync(join(this.places.units, dirname(SCOPE_DROP_IN))),
      hasConfigFolder: existsSync(join(this.folder, "etc/taskrole")),
      files: Object.fromEntries(paths.map((path) => [path, sha256OfFile(path)])),
      units: Object.fromEntries(
        UNITS.map((unit) => [
          unit,
          {
            isEnabled: this.enabled.has(unit),
            isActive: this.active.has(unit),
            needsReload: this.#read.has(unit) && this.#read.get(unit) !== this.#text(unit),
          },
        ]),
      ),
      isDaemonOutdated: this.active.has(SERVICE) && !this.#startedFrom.get(SERVICE)?.endsWith(this.#program(SERVICE)),
      journal: this.journal.read(),
    };
  }

  /** Whether what runs was started from what is on the disk. */
  get isUpToDate(): boolean {
    const isOfDisk = (unit: string) => this.#startedFrom.get(unit) === `${this.#text(unit)}${this.#program(unit)}`;
    return UNITS.filter((unit) => unit !== HOLD).every(isOfDisk);
  }

  /** The text of a file of units as systemd has read it. */
  knows(file: string): string {
    return this.#read.get(file) ?? "";
  }

  /** Without the interruption that was meant for it. */
  goOn(): void {
    this.commandsLeft = this.actionsLeft = Number.POSITIVE_INFINITY;
  }

  async install(flags: Readonly<Record<string, unknown>> = {}): Promise<readonly Action[]> {
    const programSha256 = sha256OfFile(join(this.folder, "downloaded")) ?? "";
    const { actions, conflicts } = installPlan(this.survey(), wishes(flags, settingsOf("app")), {
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
      onDone: () => {
        this.actionsLeft -= 1;
        if (this.actionsLeft < 0) throw new InstallError("the power went", "");
      },
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
    "daemon-reload": () => [...UNITS, SCOPE_DROP_IN].forEach((file) => void this.#read.set(file, this.#text(file))),
    stop: (args) => this.#stop(unitsIn(args).filter((unit) => unit !== this.unstoppable)),
    restart: (args) => ["stop", "start"].forEach((word) => void this.#deeds[word]?.(args)),
    start: (args) => {
      unitsIn(args).forEach((unit) => void this.#start(unit));
      this.hasPacketRules = true;
      mkdirSync(this.places.runtime, { recursive: true });
      writeFileSync(join(this.places.runtime, "token.key"), "");
    },
    disable: (args) => unitsIn(args).forEach((unit) => void this.enabled.delete(unit)),
  };

  #start(unit: string): void {
    if (this.active.has(unit)) return;
    this.active.add(unit);
    this.#startedFrom.set(unit, `${this.#read.get(unit)}${this.#program(unit)}`);
  }

  #text(unit: string): string {
    return attempt(() => readFileSync(join(this.places.units, unit), "utf8")) ?? "";
  }

  /** That the daemon is; systemd itself holds the socket. */
  #program(unit: string): string {
    return unit === SERVICE ? (attempt(() => readFileSync(this.places.program, "utf8")) ?? "") : "";
  }

  #stop(units: readonly string[]): void {
    this.startsAgain -= 1;
    if (this.startsAgain < 0) for (const unit of units) this.active.delete(unit);
  }
}

const unitsIn = (args: readonly string[]): readonly string[] => args.filter((arg) => UNITS.includes(arg));
