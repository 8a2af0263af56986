import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Command } from "./programs.ts";

/** What one run of the load saw. */
export interface LoadResult {
  readonly sequences: number;
  readonly seconds: number;
  /** Microseconds from a sequence's first connect to the last byte of its last answer. */
  readonly p50Us: number;
  readonly p99Us: number;
  /** How many different AccessKeyIds were handed out. */
  readonly keys: number;
  /** 503s that a cold run asked again after. */
  readonly retries: number;
  readonly errors: number;
  /** "" without errors. */
  readonly firstError: string;
  /** Of a cold run, each sequence's own, the quickest first; of a warm one none. */
  readonly latenciesUs: readonly number[];
}

export interface LoadRun {
  readonly port: number;
  /** The clients' own, one for each container; with load.c each may be followed by a blank and a namespace's file. */
  readonly addresses: readonly string[];
  /** Sequences under way at any time. */
  readonly atOnce: number;
  readonly seconds: number;
  /** For the three requests of a sequence. */
  readonly connections: "one" | "three";
  /** warm: address after address until the time is over. cold: each address once. */
  readonly mode: "warm" | "cold";
}

/** A wrong answer makes every figure worthless: one is enough to fail. */
export async function runLoad(load: Command, run: LoadRun): Promise<LoadResult> {
  const result = await loadResult(load, run);
  const { errors, firstError, sequences } = result;
  if (errors > 0) throw new Error(`${errors} wrong answers among ${sequences + errors}; the first: ${firstError}`);
  if (sequences === 0) throw new Error("the load got no sequence through");
  if (run.mode === "cold" && sequences !== run.addresses.length) {
    throw new Error(`only ${sequences} of ${run.addresses.length} containers were served in ${run.seconds} s`);
  }
  return result;
}

async function loadResult([file, ...args]: Command, run: LoadRun): Promise<LoadResult> {
  const { port, addresses, atOnce, seconds, connections, mode } = run;
  const own = [port, atOnce, seconds, connections, mode].map(String);
  const child = spawn(file, [...args, ...own], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(`${addresses.join("\n")}\n`);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the load ended with ${code}`);
  return JSON.parse(output) as LoadResult;
}
