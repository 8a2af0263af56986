import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Life } from "./program.ts";

/** More than the 512 of Bun's own queue, fewer than the kernel's 4,096. */
const CROWD = 1_000;
/** Whoever finds the queue full sends its SYN again after a second, then after two more, and so on. */
const RETRANSMISSION_MS = 1_000;
const PATIENCE_MS = 10_000;

/** While it accepts nobody, as many can connect as a host has containers, none of them by a second SYN. */
export async function allConnectWhileItIsBusy(port: number, daemon: Life): Promise<void> {
  const sockets: Socket[] = [];
  daemon.signal("SIGSTOP");
  try {
    const waits: number[] = [];
    for (let i = 0; i < CROWD; i += 1) sockets.push(connecting(port, (ms) => waits.push(ms)));
    const started = performance.now();
    while (waits.length < CROWD && performance.now() - started < PATIENCE_MS) await delay(10);
    const quick = waits.filter((ms) => ms < RETRANSMISSION_MS).length;
    assert.equal(quick, CROWD, `${waits.length} connected, ${quick} of them by their first SYN`);
  } finally {
    daemon.signal("SIGCONT");
    for (const socket of sockets) socket.destroy();
  }
}

function connecting(port: number, onConnected: (afterMs: number) => void): Socket {
  const started = performance.now();
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("connect", () => onConnected(performance.now() - started));
  socket.on("error", () => {});
  return socket;
}
