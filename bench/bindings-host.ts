import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inNamespace } from "./lab-host.ts";
import { begin, type Command } from "./programs.ts";
import type { Host, Server } from "./servers.ts";

export interface DaemonStart extends Host {
  readonly name: string;
  readonly taskrole: string;
  /** The file of the host's network namespace. */
  readonly namespace: string;
  readonly engineSocket: string;
  /** Of its own: log, key, empty configuration. */
  readonly directory: string;
  /** "none": the requests are brought to it by rules that are there already, and nothing is bound. */
  readonly interception: "nftables" | "none";
}

/** Where a container asks; what brings it to the daemon's port is the redirect. */
const METADATA_PORT = 80;
const START_PATIENCE_MS = 20_000;
const POLL_MS = 20;

/** A daemon as an operator starts it, on a host of the bench's. Resolves once it listens. */
export async function startDaemon(start: DaemonStart): Promise<Server> {
  const { name, taskrole, namespace, engineSocket, metadataUrl, stsUrl, directory, interception } = start;
  const [config, log] = [join(directory, "config.yaml"), join(directory, "log")];
  writeFileSync(config, "");
  writeFileSync(log, "");
  const serve: Command = [
    ...[taskrole, "serve", "--config", config, "--interception", interception, "--listen", "[::]:9254"],
    ...["--docker-endpoint", `unix://${engineSocket}`, "--runtime-directory", join(directory, "run")],
    ...["--metadata-url", metadataUrl, "--sts-endpoint", stsUrl],
  ] as unknown as Command;
  const toLog: Command = ["sh", "-c", 'exec "$@" >>"$0"', log, ...inNamespace(namespace, serve)];
  const started = performance.now();
  const { pid, stop } = begin(toLog, ["ignore", "ignore", "inherit"]);
  while (!readFileSync(log, "utf8").includes("listening")) {
    if (performance.now() - started > START_PATIENCE_MS)
      throw new Error(`${name} does not listen: ${readFileSync(log, "utf8")}`);
    await delay(POLL_MS);
  }
  return {
    name,
    port: METADATA_PORT,
    pid,
    startMs: performance.now() - started,
    tidy: () => writeFileSync(log, ""),
    stop,
  };
}
