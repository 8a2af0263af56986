import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { runLoad } from "./load.ts";
import { memory } from "./process-figures.ts";
import { nodeCommand } from "./programs.ts";
import { configIn, ec2Of, type Server, type ServerStart, showContainers, startServer } from "./servers.ts";
import { type Setting, taskroleFor } from "./setting.ts";

/** Containers, each with a role of its own, that all ask at the same moment. */
export const HERD = 1_000;
export const STS_LATENCY_MS = 50;

/** What one herd met, in milliseconds from its first connect to each one's credentials, the quickest first. */
export interface Stampede {
  readonly ms: readonly number[];
  /** 503s, after which they asked again. */
  readonly retries: number;
}

export interface HerdFigures {
  /** The first time, when nothing is known of them, and STS must be asked for each. */
  readonly cold: readonly Stampede[];
  /** When they are known, and STS must be asked for each anew. */
  readonly renamed: readonly Stampede[];
  /** When all sessions are in hand. */
  readonly warm: readonly Stampede[];
  /** The daemon's own memory, of each turn: what it grew by for one container and its session, garbage included. */
  readonly grownBytesEach: readonly number[];
  /** Of one session, what lives. */
  readonly liveBytesEach: number;
}

/** The host is known by then, the SDK is loaded, and STS may be asked at full pace. */
const SETTLE_MS = 3_000;
const LOG_POLL_MS = 1;
/** Only a limit. */
const PATIENCE_SECONDS = 120;

/** A daemon for each turn, since a herd is cold but once. */
export async function measureHerd(setting: Setting, turns: number): Promise<HerdFigures> {
  await using stack = new AsyncDisposableStack();
  const host = await ec2Of(nodeCommand("slow-ec2.ts", String(STS_LATENCY_MS)), stack);
  const { start, addresses, directory } = await taskroleFor({ ...setting, host }, HERD);
  const figures: Stampede[][] = [];
  const grownBytesEach: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    showContainers(directory, false); // else their sessions would be fetched before they ask
    const server = await startServer(start);
    try {
      await delay(SETTLE_MS);
      showContainers(directory, true);
      const before = memory(server.pid).ownBytes;
      const herd = () => stampede({ setting, port: server.port, addresses });
      const cold = await herd();
      await delay(SETTLE_MS);
      grownBytesEach.push((memory(server.pid).ownBytes - before) / HERD);
      await herd(); // what compiles itself as it runs
      const warm = await herd();
      await renameSessions({ directory, server, start }, `turn-${turn}-{container.name}`);
      figures.push([cold, await herd(), warm]);
    } finally {
      await server.stop();
    }
  }
  const column = (index: number) => figures.flatMap((turn) => turn[index] ?? []);
  return { cold: column(0), renamed: column(1), warm: column(2), grownBytesEach, liveBytesEach: liveBytes() };
}

interface Daemon {
  readonly directory: string;
  readonly server: Server;
  readonly start: ServerStart;
}

/** A setting that makes every session another one. Resolves as soon as it is in force, before the first can be there. */
async function renameSessions({ directory, server, start }: Daemon, sessionName: string): Promise<void> {
  server.tidy();
  writeFileSync(configIn(directory), JSON.stringify({ sessionName }));
  process.kill(server.pid, "SIGHUP");
  const until = performance.now() + PATIENCE_SECONDS * 1000;
  while (!readFileSync(start.stdout, "utf8").includes('"msg":"reloaded"')) {
    if (performance.now() > until) throw new Error(`no reload: ${readFileSync(start.stdout, "utf8")}`);
    await delay(LOG_POLL_MS);
  }
}

function liveBytes(): number {
  const [file, ...args] = nodeCommand("session-memory.ts");
  return Number(execFileSync(file, args, { encoding: "utf8" }));
}

interface Herd {
  readonly setting: Setting;
  readonly port: number;
  readonly addresses: readonly string[];
}

/** @throws Error unless each gets credentials, and no two the same */
async function stampede({ setting, port, addresses }: Herd): Promise<Stampede> {
  const run = { port, addresses, atOnce: addresses.length, seconds: PATIENCE_SECONDS } as const;
  const { latenciesUs, keys, retries } = await runLoad(setting.load, { ...run, connections: "one", mode: "cold" });
  if (keys !== addresses.length) throw new Error(`${addresses.length} containers were given ${keys} different keys`);
  return { ms: latenciesUs.map((us) => us / 1000), retries };
}
