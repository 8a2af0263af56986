import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { type SurveyOptions, surveyHost } from "../../src/install/host-survey.ts";
import type { Places } from "../../src/install/places.ts";
import type { CommandOutcome } from "../../src/kit/run-command.ts";
import { wishes } from "./surveys.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-survey-"));
after(() => rmSync(folder, { recursive: true }));
const places: Places = {
  program: join(folder, "taskrole"),
  config: join(folder, "config.yaml"),
  units: folder,
  journal: join(folder, "installed.json"),
  runtime: join(folder, "run"),
};

/** What a program says, by its command line or its name alone; of the others each succeeds and says nothing, but getent knows nobody. */
type Said = Readonly<Record<string, string | CommandOutcome>>;
const exited = (stdout: string, code = 0): CommandOutcome => ({ kind: "exited", code, stdout, stderr: "" });
const USUAL: Said = { getent: exited("", 2) };
const MISSING: CommandOutcome = { kind: "missing" };

/** Nobody listens there, and nothing is asked of the kernel: what is looked at is what is given. */
const FLAGS = { interception: "none", metadataUrl: "http://127.0.0.1:9" };

const look = (said: Said = {}, flags = {}, where: Partial<SurveyOptions> = {}) =>
  surveyHost({
    config: wishes({ ...FLAGS, ...flags }).config,
    executable: undefined,
    places,
    ...where,
    run: async (argv) => {
      const answers = { ...USUAL, ...said };
      const answer = answers[argv.join(" ")] ?? answers[argv[0] ?? ""] ?? "";
      return typeof answer === "string" ? exited(answer) : answer;
    },
  });

test("of useradd and userdel it tells which is missing", async () => {
  assert.deepEqual((await look()).missingPrograms, []);
  assert.deepEqual((await look({ useradd: MISSING })).missingPrograms, ["useradd"]);
});

test("it tells nft's version", async () => {
  assert.equal((await look({ "nft --version": "nftables v1.0.4 (Lester Gooch #3)\n" })).nft, "1.0.4");
  assert.equal((await look({ nft: MISSING })).nft, undefined);
});

test("it tells what is there: the files by their bytes, the units, the user", async () => {
  writeFileSync(places.program, "abc");
  const shown = "systemctl show --property=ActiveState,UnitFileState,NeedDaemonReload taskrole.socket";
  const started = "systemctl show --property=MainPID,ExecStart taskrole.service";
  const survey = await look({
    [shown]: "ActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=yes\n",
    [started]: `MainPID=${process.pid}\nExecStart={ path=${places.program} ; }\n`,
    "getent passwd taskrole": "taskrole:x:998:998::/nonexistent:/usr/sbin/nologin\n",
  });
  assert.equal(survey.files[places.program], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(survey.files[places.config], undefined);
  assert.deepEqual(survey.units["taskrole.socket"], { isEnabled: true, isActive: true, needsReload: true });
  assert.deepEqual(survey.units["taskrole.service"], { isEnabled: false, isActive: false, needsReload: false });
  assert.equal(survey.isDaemonOutdated, true);
  assert.equal(survey.hasUser, true);
  assert.equal(survey.hasConfigFolder, true);
  const elsewhere = { ...places, config: join(folder, "none/config.yaml") };
  assert.equal((await look({}, {}, { places: elsewhere })).hasConfigFolder, false);
  assert.equal((await look()).hasUser, false);
});

test("a user whom it did not make is told by the shell that lets him in, and a group without its user", async () => {
  const seen = async (shell: string | undefined, hasGroup = true) => {
    const { hasUser, login, hasGroupAlone } = await look({
      ...(shell !== undefined && { "getent passwd taskrole": `taskrole:x:1001:1001:,,,:/srv:${shell}\n` }),
      ...(hasGroup && { "getent group taskrole": "taskrole:x:1001:\n" }),
    });
    return { hasUser, login, hasGroupAlone };
  };
  const usual = { hasUser: true, login: undefined, hasGroupAlone: false };
  for (const shell of ["/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false"])
    assert.deepEqual(await seen(shell), usual, shell);
  assert.deepEqual(await seen("/bin/bash"), { ...usual, login: { uid: 1001, shell: "/bin/bash" } });
  assert.deepEqual(await seen(""), { ...usual, login: { uid: 1001, shell: "/bin/sh" } });
  assert.deepEqual(await seen(undefined), { ...usual, hasUser: false, hasGroupAlone: true });
  assert.deepEqual(await seen(undefined, false), { ...usual, hasUser: false });
});

async function takenPort(t: TestContext): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test("a port is taken by whoever else listens there, our socket on another port notwithstanding", async (t) => {
  const port = await takenPort(t);
  const listen = `127.0.0.1:${port}`;
  const socket = (state: string, at: number) => ({
    "systemctl show --property=ActiveState,Listen taskrole.socket": `Listen=[::]:${at} (Stream)\nActiveState=${state}\n`,
    "systemctl show --property=ActiveState,UnitFileState,NeedDaemonReload taskrole.socket": `ActiveState=${state}\nUnitFileState=enabled\n`,
  });
  assert.equal((await look({}, { listen })).isPortTaken, true);
  assert.equal((await look(socket("active", port), { listen })).isPortTaken, false);
  assert.equal((await look(socket("active", 9254), { listen })).isPortTaken, true);
  assert.equal((await look(socket("failed", port), { listen })).isPortTaken, true);
  assert.equal((await look({}, { listen: "127.0.0.1:1" })).isPortTaken, false);
});

test("it tells what the daemon cannot come to or use, of its program, its settings and what they name", async (t) => {
  const before = "systemctl show --property=LoadState,ProtectHome,PrivateTmp taskrole.service";
  const lifted = { [before]: "LoadState=loaded\nProtectHome=yes\nPrivateTmp=no\n" };
  const roleMapFile = join(folder, "map.yaml");
  for (const path of [places.program, places.config, roleMapFile]) writeFileSync(path, "[]");
  t.after(() => rmSync(places.config));
  chmodSync(folder, 0o711);
  chmodSync(places.program, 0o750);
  chmodSync(places.config, 0o600);
  chmodSync(roleMapFile, 0o640);
  const { obstacles } = await look(lifted, { roleMapFile });
  assert.deepEqual(
    obstacles.map((obstacle) => ("lacks" in obstacle ? [obstacle.path, obstacle.lacks] : obstacle)),
    [
      [places.program, "rx"],
      [places.config, "r"],
      [roleMapFile, "r"],
    ],
  );
  const ofGroup = { "id -u taskrole": "4711\n", "id -G taskrole": `4711 ${process.getegid?.()}\n` };
  const forIt = await look({ ...lifted, ...ofGroup }, { roleMapFile });
  assert.deepEqual(
    forIt.obstacles.map(({ path }) => path),
    [places.config],
  );
  chmodSync(folder, 0o700);
  const { obstacles: hidden } = await look({ [before]: "LoadState=not-found\nPrivateTmp=no\n" }, AT_SOCKET);
  assert.deepEqual(
    hidden.map(({ kind, path }) => [kind, path]),
    [places.program, places.config, SOCKET_PATH].map((path) => ["hidden", path]),
  );
});

test("it tells which folders it could not write into: not the program's where it lies there already", async () => {
  const away = join(folder, "away");
  const elsewhere = { ...places, program: join(away, "taskrole"), journal: join(away, "a/installed.json") };
  const missing = [{ path: away, code: "ENOENT" }];
  assert.deepEqual((await look({}, {}, { places: elsewhere })).unwritable, missing);
  assert.deepEqual((await look({}, {}, { places: elsewhere, executable: elsewhere.program })).unwritable, []);
  assert.deepEqual((await look({}, {}, { places: { ...places, units: away } })).unwritable, missing);
});

const SOCKET_PATH = join(folder, "docker.sock");
const AT_SOCKET = { dockerEndpoint: `unix://${SOCKET_PATH}` };
const UNIT = "systemctl show --property=LoadState docker.service";

test("Docker over TCP has no socket", async () => {
  assert.deepEqual((await look({}, { dockerEndpoint: "tcp://127.0.0.1:2375" })).docker, { kind: "tcp" });
});

test("Docker's socket is its group's; root's group is nobody's, and a group without a name is its number", async (t) => {
  t.after(() => rmSync(SOCKET_PATH, { force: true }));
  writeFileSync(SOCKET_PATH, "");
  const socketOf = (group: string | undefined) => ({ kind: "socket", path: SOCKET_PATH, group });
  const ownGroup = process.getegid?.() ?? 0;
  const named = { [`getent group ${ownGroup}`]: `docker:x:${ownGroup}:\n` };
  assert.deepEqual((await look(named, AT_SOCKET)).docker, socketOf(ownGroup === 0 ? undefined : "docker"));
  if (ownGroup !== 0) return;
  chownSync(SOCKET_PATH, 0, 4711);
  assert.deepEqual((await look({ "getent group 4711": "docker:x:4711:\n" }, AT_SOCKET)).docker, socketOf("docker"));
  assert.deepEqual((await look({}, AT_SOCKET)).docker, socketOf("4711"));
});

test("where there is no socket, docker.service tells whether there will be one, and its group is docker", async () => {
  assert.deepEqual((await look({}, AT_SOCKET)).docker, { kind: "absent", path: SOCKET_PATH });
  const loaded = { [UNIT]: "LoadState=loaded\n" };
  const socketOf = (group: string | undefined) => ({ kind: "socket", path: SOCKET_PATH, group });
  assert.deepEqual((await look(loaded, AT_SOCKET)).docker, socketOf(undefined));
  const named = { ...loaded, "getent group docker": "docker:x:990:\n" };
  assert.deepEqual((await look(named, AT_SOCKET)).docker, socketOf("docker"));
});

test("where containers will be is asked only where the rules are to keep those on the host's network", async (t) => {
  const server = createHttpServer((_, response) =>
    response.end(JSON.stringify({ CgroupDriver: "cgroupfs", CgroupVersion: "2" })),
  );
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(SOCKET_PATH, resolve));
  const seen = async (flags: object) =>
    (await look({}, { ...AT_SOCKET, containerCgroups: ["elsewhere"], ...flags })).unnamedCgroup;
  for (const hostNetwork of ["refuse", "identify"])
    assert.notEqual(await seen({ interception: "nftables", hostNetwork }), undefined);
  assert.equal(await seen({ interception: "nftables", hostNetwork: "host" }), undefined);
  for (const interception of ["iptables", "none"]) assert.equal(await seen({ interception }), undefined);
});

test("no metadata service, no instance", async () => {
  const { instanceId, journal } = await look();
  assert.deepEqual([instanceId, journal], [undefined, undefined]);
});
