/**
 * The crowd of flood.test.ts, in a process of its own so that it takes none of the descriptors and none of
 * the event loop of the client that is measured: `node flood-client.ts PORT IDLE ADDRESSES`.
 *
 * Opens the idle connections, says "idle N", and then does as it is told by lines on stdin: "slow N" keeps so many
 * more connections open that send a byte a second; every line is answered with what has become of them all so far.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

const [port, idleCount, addressCount] = process.argv.slice(2).map(Number) as [number, number, number];
const BYTE_EVERY_MS = 1_000;
const AT_ONCE = 200;

const addressOf = (index: number): string => `127.50.1.${2 + (index % addressCount)}`;

function open(index: number): Socket {
  return connect({ port, host: "127.0.0.1", localAddress: addressOf(index) }).on("error", () => {});
}

let idleOpen = 0;

async function openIdle(): Promise<void> {
  for (let opened = 0; opened < idleCount; opened += AT_ONCE) {
    const sockets = Array.from({ length: Math.min(AT_ONCE, idleCount - opened) }, (_, i) => open(opened + i));
    await Promise.all(sockets.map(useOnce));
  }
}

/** Kept alive after an answer: idle for the 120 s that the server allows, where one that has never asked has 5 s. */
async function useOnce(socket: Socket): Promise<void> {
  socket.write("GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n");
  const [bytes] = (await once(socket, "data")) as [Buffer];
  if (!bytes.toString("latin1").startsWith("HTTP/1.1 200 ")) throw new Error(bytes.toString("latin1"));
  idleOpen += 1;
  socket.resume().on("close", () => (idleOpen -= 1));
}

/** By first line of the answer, or "" for a connection that was closed without one: how often. */
const slowAnswers: Record<string, number> = {};
/** From the connection to its answer. */
const slowTimes: number[] = [];

/** One that ends is followed by another, for as long as it lasts. */
function drip(index: number): void {
  const socket = open(index);
  const started = performance.now();
  let answer = "";
  socket.write("GET /");
  const timer = setInterval(() => socket.write("a"), BYTE_EVERY_MS);
  socket.on("data", (bytes) => (answer += bytes.toString("latin1")));
  socket.on("close", () => {
    clearInterval(timer);
    const [line = ""] = answer.split("\r\n");
    slowAnswers[line] = (slowAnswers[line] ?? 0) + 1;
    slowTimes.push(performance.now() - started);
    drip(index);
  });
}

await openIdle();
console.log(`idle ${idleOpen}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [word, count = ""] = line.split(" ");
  if (word === "slow") for (let index = 0; index < Number(count); index += 1) drip(index);
  console.log(JSON.stringify({ idleOpen, slowAnswers, slowTimes }));
}
process.exit(0);
