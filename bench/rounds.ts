import { type LoadRun, runLoad } from "./load.ts";
import { cpuSeconds } from "./process-figures.ts";
import type { Command } from "./programs.ts";
import type { Server } from "./servers.ts";

/** One short run of the load against one server. */
export interface Round {
  /** Sequences per second. */
  readonly rate: number;
  /** The server's own CPU time for one sequence, in microseconds. */
  readonly cpuUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Different keys handed out. */
  readonly keys: number;
}

export type Run = Omit<LoadRun, "port">;

/** @throws Error when any answer was wrong */
export async function oneRound(server: Server, load: Command, run: Run): Promise<Round> {
  server.tidy();
  const before = cpuSeconds(server.pid);
  const { sequences, seconds, p50Us, p99Us, keys } = await runLoad(load, { ...run, port: server.port }).catch(
    (error: Error) => {
      throw new Error(`${server.name}: ${error.message}`, { cause: error });
    },
  );
  const cpuUs = ((cpuSeconds(server.pid) - before) * 1e6) / sequences;
  return { rate: sequences / seconds, cpuUs, p50Us, p99Us, keys };
}

export interface Contest {
  readonly load: Command;
  readonly turns: number;
  readonly run: Run | ((server: Server) => Run);
  /** Of the uncounted first round of each server. */
  readonly warmUpSeconds: number;
}

/**
 * Rounds in turn, there and back: A B C, C B A, … What else the machine does then hits all alike, and none always comes
 * first. Each server first has a round that is not counted, since what compiles itself as it runs takes some seconds to
 * be done.
 */
export async function takeTurns(servers: readonly Server[], contest: Contest): Promise<ReadonlyMap<Server, Round[]>> {
  const { load, turns, run, warmUpSeconds } = contest;
  const runOf = typeof run === "function" ? run : () => run;
  const rounds = new Map(servers.map((server) => [server, [] as Round[]]));
  for (const server of servers) await oneRound(server, load, { ...runOf(server), seconds: warmUpSeconds });
  for (let turn = 0; turn < turns; turn += 1) {
    const order = turn % 2 === 0 ? servers : servers.toReversed();
    for (const server of order) rounds.get(server)?.push(await oneRound(server, load, runOf(server)));
  }
  return rounds;
}
