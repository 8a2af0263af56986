import assert from "node:assert/strict";
import { test } from "node:test";
import { demandSamePort, takeGivenSockets } from "../../src/app/socket-activation.ts";
import { StartError } from "../../src/app/start-error.ts";
import type { ListeningSocket } from "../../src/kernel/listening-socket.ts";

const PID = 4711;
const TCP: ListeningSocket = { kind: "tcp", port: 9254 };
const UNIX: ListeningSocket = { kind: "unix", path: "/run/taskrole/admin.sock" };

/** @param sockets the descriptors from 3 on; undefined for what is none that listens */
const take = (variables: Record<string, string>, sockets: readonly (ListeningSocket | undefined)[] = []) =>
  takeGivenSockets(variables, { pid: PID, look: (fd) => sockets[fd - 3] });

const given = (names: string | undefined, sockets: readonly (ListeningSocket | undefined)[]) => {
  const variables = { LISTEN_PID: String(PID), LISTEN_FDS: String(sockets.length) };
  return take({ ...variables, ...(names !== undefined && { LISTEN_FDNAMES: names }) }, sockets);
};

// biome-ignore format: a row a line
const ROWS: readonly (readonly [string | undefined, readonly ListeningSocket[], number | undefined, number | undefined, string])[] = [
  [undefined,                         [TCP],       3,         undefined, "older than names"],
  ["metadata",                        [TCP],       3,         undefined, "by its name"],
  ["taskrole.socket",                 [TCP],       3,         undefined, "the unit's name, as systemd gives it"],
  ["metadata:admin",                  [TCP, UNIX], 3,         4,         "two units"],
  ["admin:metadata",                  [UNIX, TCP], 4,         3,         "in the other order"],
  ["taskrole.socket:taskrole.socket", [TCP, UNIX], 3,         4,         "one unit with both"],
  ["admin",                           [UNIX],      undefined, 3,         "the admin surface alone"],
  [undefined,                         [],          undefined, undefined, "none"],
];

for (const [names, sockets, metadata, admin, because] of ROWS) {
  test(`${sockets.map(({ kind }) => kind).join(" and ") || "no socket"} named ${names}: ${because}`, () => {
    const found = given(names, sockets);
    assert.equal(found.metadata?.fd, metadata);
    assert.equal(found.admin?.fd, admin);
  });
}

// biome-ignore format: a row a line
const REFUSED: readonly (readonly [string | undefined, readonly (ListeningSocket | undefined)[], RegExp])[] = [
  ["metadata",  [undefined], /descriptor 3 \("metadata"\) from systemd is no listening stream socket: .*ListenStream=/],
  [undefined,   [TCP, TCP],  /hands over 2 sockets for the metadata surface, and there is one: .*ListenStream=/],
  [undefined,   [UNIX, UNIX], /hands over 2 sockets for the admin surface/],
  ["admin",     [TCP],       /descriptor 3 \("admin"\) from systemd is a TCP socket, which is the metadata surface/],
  ["metadata",  [UNIX],      /is a unix socket, which is the admin surface/],
];

for (const [names, sockets, message] of REFUSED) {
  test(`${names}, ${sockets.map((socket) => socket?.kind)}: the start ends with ${message.source}`, () => {
    assert.throws(
      () => given(names, sockets),
      (error) => error instanceof StartError && message.test(error.message),
    );
  });
}

test("a number of sockets that is none is refused", () => {
  assert.throws(
    () => take({ LISTEN_PID: String(PID), LISTEN_FDS: "3x" }),
    /LISTEN_FDS must be a number of sockets; it is "3x"/,
  );
});

test("sockets meant for another process are left alone, and the operator is told how that comes about", () => {
  const { metadata, warnings } = take({ LISTEN_PID: "1", LISTEN_FDS: "1" }, [TCP]);
  assert.equal(metadata, undefined);
  assert.match(warnings.join(), /LISTEN_PID is 1, and this process is 4711.*by exec/);
});

test("the variables are gone afterwards, whoever they were meant for: a program that the daemon runs must not heed them", () => {
  for (const pid of [String(PID), "1"]) {
    const environment = { LISTEN_PID: pid, LISTEN_FDS: "1", LISTEN_FDNAMES: "x", LISTEN_PIDFDID: "9", HOME: "/" };
    take(environment, [TCP]);
    assert.deepEqual(environment, { HOME: "/" });
  }
});

test("a port that the packet rules do not lead to is refused, with both remedies; without rules of ours it is whatever it is", () => {
  const socket = { ...TCP, port: 9300, fd: 3 } as const;
  const listen = { host: "::", port: 9254 };
  const message = /listens on port 9300.*lead to port 9254.*set listen to "\[::\]:9300", or ListenStream=9254/;
  for (const interception of ["nftables", "iptables"] as const)
    assert.throws(() => demandSamePort(socket, { listen, interception }), message);
  demandSamePort(socket, { listen, interception: "none" });
  demandSamePort({ ...socket, port: 9254 }, { listen, interception: "nftables" });
  demandSamePort(undefined, { listen, interception: "nftables" });
});
