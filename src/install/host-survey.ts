import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { rulesOf } from "../app/host-network-service.ts";
import type { Config } from "../app/options.ts";
import { parseEndpoint } from "../docker/engine-endpoint.ts";
import { hopsOfAnswers } from "../kernel/answer-hops.ts";
import { Interception } from "../kernel/interception.ts";
import { InterceptionError } from "../kernel/interception-error.ts";
import { SCOPE_DROP_IN } from "../kernel/scope-drop-in.ts";
import { attempt } from "../kit/attempt.ts";
import type { RunCommand } from "../kit/run-command.ts";
import { UpstreamClient } from "../upstream/upstream-client.ts";
import { unnamedCgroup } from "./cgroups-to-come.ts";
import { type ForeignRules, foreignRules } from "./foreign-rules.ts";
import { JournalFile } from "./journal.ts";
import { closedByMode, type DaemonUser, hiddenAway, type NeededFile, type Obstacle } from "./obstacles.ts";
import { PLACES, type Places, SERVICE, SOCKET, UNITS, USER } from "./places.ts";
import { isDaemonOutdated } from "./running-daemon.ts";
import type { DockerSight, InterceptionSight, Login, Survey, UnitState } from "./survey.ts";
import { keepsHostNetwork } from "./units.ts";
import { nearestExisting, unwritable } from "./unwritable.ts";

export interface SurveyOptions {
  readonly config: Config;
  readonly run: RunCommand;
  readonly executable: string | undefined;
  readonly places?: Places;
}

const UPSTREAM_TIMEOUT_MS = 900;

/** Looks at the host; changes nothing. @throws InstallError for a journal that cannot be read */
export async function surveyHost({ config, run, executable, places = PLACES }: SurveyOptions): Promise<Survey> {
  const isRoot = process.geteuid?.() === 0;
  const units = await unitStates(run);
  const paths = [places.program, places.config, ...[...UNITS, SCOPE_DROP_IN].map((name) => join(places.units, name))];
  return {
    isRoot,
    executable,
    systemd: await systemdVersion(run),
    missingPrograms: await missingAmong(["useradd", "userdel"], run),
    interception: isRoot ? await interceptionSight(config) : { kind: "unseen" },
    nft: /^nftables v([\d.]+)/.exec((await printed(["nft", "--version"], run)) ?? "")?.[1],
    docker: await dockerSight(config, run),
    unnamedCgroup: keepsHostNetwork(config) ? await unnamedCgroup(config) : undefined,
    foreign: await foreignSight(config, run),
    isPortTaken: isListenedOn(config.listen.port) && !(await isOurs(config.listen.port, run)),
    instanceId: await instanceId(config),
    answerHops: await hopsOfAnswers(config.metadataUrl),
    ...(await accountOf(run)),
    hasConfigFolder: existsSync(dirname(places.config)),
    hasDropInFolder: existsSync(dirname(join(places.units, SCOPE_DROP_IN))),
    files: Object.fromEntries(paths.map((path) => [path, sha256OfFile(path)])),
    unwritable: unwritable(foldersWrittenTo(places, executable)),
    obstacles: await obstaclesOf(neededFiles(config, places), run),
    units,
    isDaemonOutdated: await isDaemonOutdated(places.program, run),
    journal: new JournalFile(places.journal).read(),
  };
}

/** sd_booted(3): https://www.freedesktop.org/software/systemd/man/latest/sd_booted.html */
async function systemdVersion(run: RunCommand): Promise<string | undefined> {
  if (!existsSync("/run/systemd/system")) return undefined;
  return /^systemd (\d+)/.exec((await printed(["systemctl", "--version"], run)) ?? "")?.[1];
}

/** What was printed by a program that did it. */
async function printed(argv: readonly string[], run: RunCommand): Promise<string | undefined> {
  const outcome = await run(argv);
  return outcome.kind === "exited" && outcome.code === 0 ? outcome.stdout : undefined;
}

async function accountOf(run: RunCommand): Promise<Pick<Survey, "hasUser" | "login" | "hasGroupAlone">> {
  const line = await printed(["getent", "passwd", USER], run);
  const group = await printed(["getent", "group", USER], run);
  return {
    hasUser: line !== undefined,
    login: loginOf(line),
    hasGroupAlone: group !== undefined && line === undefined,
  };
}

/** passwd(5): a line that names no shell means /bin/sh. */
function loginOf(line: string | undefined): Login | undefined {
  const [, , uid, , , , named] = line?.trim().split(":") ?? [];
  const shell = named || "/bin/sh";
  return line === undefined || /\/(?:nologin|false)$/.test(shell) ? undefined : { uid: Number(uid), shell };
}

async function missingAmong(programs: readonly string[], run: RunCommand): Promise<readonly string[]> {
  const outcomes = await Promise.all(programs.map((program) => run([program, "--help"])));
  return programs.filter((_, place) => outcomes[place]?.kind === "missing");
}

/** Of all units, whether they are there or not. */
async function unitStates(run: RunCommand): Promise<Readonly<Record<string, UnitState>>> {
  const stateOf = async (unit: string): Promise<UnitState> => {
    const properties = "--property=ActiveState,UnitFileState,NeedDaemonReload";
    const text = (await printed(["systemctl", "show", properties, unit], run)) ?? "";
    return {
      isEnabled: /^UnitFileState=enabled$/m.test(text),
      isActive: /^ActiveState=active$/m.test(text),
      needsReload: /^NeedDaemonReload=yes$/m.test(text),
    };
  };
  return Object.fromEntries(await Promise.all(UNITS.map(async (unit) => [unit, await stateOf(unit)] as const)));
}

/** What the daemon would find at its start. */
async function interceptionSight(config: Config): Promise<InterceptionSight> {
  const { interception: kind, guardedUplinks } = config;
  if (kind === "none") return { kind: "works", warnings: [] };
  try {
    const { warnings } = await new Interception({ ...rulesOf(config), kind, guardedUplinks }).check();
    return { kind: "works", warnings };
  } catch (error) {
    if (!(error instanceof InterceptionError)) throw error;
    return { kind: "fails", sentence: error.message, remedy: error.remedy };
  }
}

async function dockerSight({ dockerEndpoint }: Config, run: RunCommand): Promise<DockerSight> {
  const endpoint = parseEndpoint(dockerEndpoint);
  if (endpoint.kind !== "socket") return { kind: "tcp" };
  const path = endpoint.socketPath;
  const gid = attempt(() => statSync(path).gid);
  if (gid !== undefined) return { kind: "socket", path, group: gid === 0 ? undefined : await groupName(`${gid}`, run) };
  const unit = (await printed(["systemctl", "show", "--property=LoadState", "docker.service"], run)) ?? "";
  if (!unit.includes("LoadState=loaded")) return { kind: "absent", path };
  return { kind: "socket", path, group: await groupName("docker", run) };
}

/** systemd takes a number as well as a name. */
async function groupName(nameOrNumber: string, run: RunCommand): Promise<string | undefined> {
  const line = await printed(["getent", "group", nameOrNumber], run);
  if (line !== undefined) return line.split(":")[0];
  return /^\d+$/.test(nameOrNumber) ? nameOrNumber : undefined;
}

async function foreignSight({ listen }: Config, run: RunCommand): Promise<ForeignRules> {
  const listed = {
    nftables: await printed(["nft", "-j", "list", "ruleset"], run),
    iptables: await printed(["iptables-save"], run),
    ip6tables: await printed(["ip6tables-save"], run),
  };
  return foreignRules(listed, listen.port);
}

/** Our socket may be active on the port of former settings. `Listen=[::]:9254 (Stream)` */
async function isOurs(port: number, run: RunCommand): Promise<boolean> {
  const text = await printed(["systemctl", "show", "--property=ActiveState,Listen", SOCKET], run);
  return /^ActiveState=active$/m.test(text ?? "") && new RegExp(`^Listen=.*:${port} `, "m").test(text ?? "");
}

/** The program's only where it is copied there; those of the settings and of the journal are made. */
const foldersWrittenTo = (places: Places, executable: string | undefined): readonly string[] => [
  ...(executable === places.program ? [] : [dirname(places.program)]),
  places.units,
  ...[places.config, places.journal].map((path) => nearestExisting(dirname(path))),
];

const neededFiles = ({ roleMapFile, dockerEndpoint }: Config, places: Places): readonly NeededFile[] => {
  const endpoint = parseEndpoint(dockerEndpoint);
  return [
    { path: places.program, need: "rx" },
    { path: places.config, need: "r" },
    ...(roleMapFile === undefined ? [] : [{ path: roleMapFile, need: "r", setting: "roleMapFile" } as const]),
    ...(endpoint.kind === "socket"
      ? [{ path: endpoint.socketPath, need: undefined, setting: "dockerEndpoint" } as const]
      : []),
  ];
};

async function obstaclesOf(files: readonly NeededFile[], run: RunCommand): Promise<readonly Obstacle[]> {
  const user = await daemonUser(run);
  const argv = ["systemctl", "show", "--property=LoadState,ProtectHome,PrivateTmp", SERVICE];
  const unit = (await printed(argv, run)) ?? "";
  const isLifted = (by: string): boolean =>
    unit.includes("LoadState=loaded") && new RegExp(`^${by}=(?:no|read-only)$`, "m").test(unit);
  const found = files.flatMap((file) => {
    const hidden = hiddenAway(file, isLifted);
    return hidden.length > 0 ? hidden : closedByMode(file, user); // nobody is told to open /root
  });
  return found.filter(({ path }, place) => found.findIndex((other) => other.path === path) === place);
}

async function daemonUser(run: RunCommand): Promise<DaemonUser> {
  const [uid, gids] = [await printed(["id", "-u", USER], run), await printed(["id", "-G", USER], run)];
  return uid && gids ? { uid: Number(uid), gids: gids.trim().split(" ").map(Number) } : undefined;
}

/** "  0: 0100007F:2426 00000000:0000 0A …": https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt */
function isListenedOn(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const line = new RegExp(String.raw`^\s*\d+: [0-9A-F]+:${hex} [0-9A-F]+:0000 0A `, "m");
  return ["tcp", "tcp6"].some((file) => line.test(attempt(() => readFileSync(`/proc/net/${file}`, "latin1")) ?? ""));
}

async function instanceId({ metadataUrl }: Config): Promise<string | undefined> {
  const upstream = new UpstreamClient({ url: metadataUrl, now: () => Date.now(), timeoutMs: UPSTREAM_TIMEOUT_MS });
  const document = await upstream.get("latest/meta-data/instance-id").catch(() => undefined);
  return document?.toString("latin1").trim();
}

/** Undefined where there is none, or none that may be read. */
export const sha256OfFile = (path: string): string | undefined =>
  attempt(() => createHash("sha256").update(readFileSync(path)).digest("hex"));
