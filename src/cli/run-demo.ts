import { createLogger } from "../app/logger.ts";
import { StartError } from "../app/start-error.ts";
import type { Log } from "../audit/log.ts";
import { ACTORS } from "../demo/cast.ts";
import { runDockerDemo } from "../demo/docker-demo.ts";
import { runLoopbackDemo, type Stage } from "../demo/loopback-demo.ts";
import type { Say } from "../demo/story.ts";
import { InterceptionError } from "../kernel/interception-error.ts";

export interface DemoFlags {
  readonly keep?: boolean;
  readonly docker?: boolean;
  readonly verbose?: boolean;
}

const say: Say = (line = "") => void process.stdout.write(`${line}\n`);

/** @returns whether all went as it should */
export async function runDemo({ keep = false, docker = false, verbose = false }: DemoFlags): Promise<boolean> {
  const { log } = verbose ? await createLogger({ logLevel: "debug", logFormat: "text" }) : { log: SILENT };
  try {
    return await (docker
      ? runDockerDemo({ say, log })
      : runLoopbackDemo({ say, log, ...(keep && { keep: untilStopped }) }));
  } catch (error) {
    return tellWhyNot(error);
  }
}

/** What this machine lacks is a sentence; anything else is a bug, and shows as one. */
function tellWhyNot(error: unknown): false {
  const remedy = error instanceof InterceptionError ? ` ${error.remedy}` : "";
  if (!(error instanceof StartError || error instanceof InterceptionError)) throw error;
  process.stderr.write(`taskrole: ${error.message}${remedy}\n`);
  return false;
}

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Tells how to be a workload oneself, and waits. */
async function untilStopped({ addressOf, port, mock }: Stage): Promise<void> {
  const [web] = ACTORS;
  if (!web) return;
  const url = `http://${addressOf(web)}:${port}`;
  say();
  say(`Still running. Be the workload "web" (from ${addressOf(web)}, as its container would be):`);
  say();
  say(`  TOKEN=$(curl -sX PUT ${url}/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 300')`);
  say(`  curl -H "X-aws-ec2-metadata-token: $TOKEN" ${url}/latest/meta-data/iam/security-credentials/`);
  say();
  say("or let an AWS SDK or the CLI do it:");
  say();
  say(`  export AWS_EC2_METADATA_SERVICE_ENDPOINT=${url}/ AWS_ENDPOINT_URL_STS=${mock.stsUrl} AWS_REGION=us-east-1`);
  say("  aws sts get-caller-identity");
  say();
  say("Others:");
  for (const actor of ACTORS.slice(1)) say(`  ${actor.name.padEnd(9)} http://${addressOf(actor)}:${port}`);
  say();
  say("Ctrl-C ends it.");
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}
