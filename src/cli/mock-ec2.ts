import { readFile } from "node:fs/promises";
import { Command } from "commander";
import type { ListenAddress, MockEc2, MockEc2Event, MockEc2Options } from "../mock-ec2/mock-ec2.ts";
import type { World } from "../mock-ec2/world.ts";

interface Flags {
  readonly metadataListen: string;
  readonly stsListen: string;
  readonly config?: string;
  readonly seed?: string;
  readonly requireTokens?: true;
  readonly log?: true;
}

const EXIT_CANNOT_RUN = 1;
const EXIT_BAD_INPUT = 2;

const AFTER_HELP = `
Without --config the host's role may assume every role, of its own account and of any other, so that a test
on a laptop works at once. With --config the file's trust policies decide, and a role that is not in the file
is AccessDenied, as in AWS. The keys are good for this mock alone: nothing here ever talks to AWS.

Reference: docs/mock-ec2.md, examples/mock-ec2.yaml`;

/** `taskrole mock-ec2`: the metadata service and STS, in the foreground until SIGINT or SIGTERM. */
export const mockEc2Command = (): Command =>
  new Command("mock-ec2")
    .description("Stand in for EC2 on this machine: its instance metadata service (v1, v2) and STS")
    .option("--metadata-listen <host:port>", "where the metadata service answers", "127.0.0.1:1338")
    .option("--sts-listen <host:port>", "where STS answers", "127.0.0.1:1339")
    .option("--config <file>", "the instance, the roles and their trust policies (YAML)")
    .option("--seed <text>", "keep keys and tokens good across a restart: the same text, the same keys")
    .option("--require-tokens", "answer version 2 alone: 401 to whoever brings no token")
    .option("--log", "write one JSON line a request to stdout (all else then goes to stderr)")
    .addHelpText("after", AFTER_HELP)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_BAD_INPUT))
    .action(run);

async function run(flags: Flags): Promise<void> {
  const read = await readInput(flags);
  if ("mistakes" in read) return fail(EXIT_BAD_INPUT, read.mistakes);
  const { startMockEc2, ListenError } = await import("../mock-ec2/mock-ec2.ts");
  try {
    const mock = await startMockEc2(read.options);
    say(flags, await greeting(mock, read.options));
    stopOnSignal(mock);
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    fail(EXIT_CANNOT_RUN, [listenSentence(error)]);
  }
}

type Input = { readonly options: MockEc2Options } | { readonly mistakes: readonly string[] };

async function readInput(flags: Flags): Promise<Input> {
  const metadataListen = parseListen("--metadata-listen", flags.metadataListen);
  const stsListen = parseListen("--sts-listen", flags.stsListen);
  const world = flags.config === undefined ? undefined : await readWorld(flags.config);
  const mistakes = [metadataListen, stsListen, world].flatMap((part) =>
    part !== undefined && "mistakes" in part ? part.mistakes : [],
  );
  if ("mistakes" in metadataListen || "mistakes" in stsListen || (world && "mistakes" in world)) return { mistakes };
  return {
    options: {
      metadataListen,
      stsListen,
      mode: flags.requireTokens ? "v2-only" : "v1-and-v2",
      ...(world && { world }),
      ...(flags.seed !== undefined && { seed: flags.seed }),
      ...(flags.log && { onRequest: writeLine }),
    },
  };
}

interface Mistakes {
  readonly mistakes: readonly string[];
}

/** HOST:PORT, an IPv6 host in brackets. */
function parseListen(flag: string, text: string): ListenAddress | Mistakes {
  const {
    ipv6,
    host = ipv6,
    port = "",
  } = /^(?:\[(?<ipv6>[\da-fA-F:.]+)\]|(?<host>[^:[\]\s]+)):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  return { mistakes: [`${flag} must be HOST:PORT, e.g. 127.0.0.1:1338 or [::1]:1338: current value is "${text}"`] };
}

async function readWorld(file: string): Promise<World | Mistakes> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { mistakes: [`--config ${file} cannot be read (${code}): check the path and its permissions`] };
  }
  const { parseWorld } = await import("../mock-ec2/world-file.ts");
  return parseWorld(text, file);
}

function listenSentence({ service, address, code }: { service: string; address: ListenAddress; code: string }): string {
  const flag = service === "sts" ? "--sts-listen" : "--metadata-listen";
  const place = `${address.host}:${address.port}`;
  if (code === "EADDRINUSE")
    return `${place} is in use: stop what listens there, or choose another address with ${flag} HOST:PORT`;
  if (code === "EACCES")
    return `this user may not listen on ${place}: choose a port from 1024 up with ${flag} HOST:PORT`;
  return `cannot listen on ${place} (${code}): choose an address of this machine with ${flag} HOST:PORT`;
}

async function greeting(mock: MockEc2, options: MockEc2Options): Promise<string> {
  const { openWorld } = await import("../mock-ec2/world.ts");
  const { instance } = options.world ?? openWorld();
  const credentials = `${mock.metadataUrl}/latest/meta-data/iam/security-credentials/`;
  const tryIt =
    options.mode === "v2-only"
      ? `curl -H "X-aws-ec2-metadata-token: $(curl -sX PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' ${mock.metadataUrl}/latest/api/token)" ${credentials}`
      : `curl ${credentials}`;
  return `Instance metadata: ${mock.metadataUrl}
STS:               ${mock.stsUrl}
The host's role:   ${mock.hostRoleArn}

Use it from another shell:

  export AWS_EC2_METADATA_SERVICE_ENDPOINT=${mock.metadataUrl}/
  export AWS_ENDPOINT_URL_STS=${mock.stsUrl}
  export AWS_REGION=${instance.region}

Try it:

  ${tryIt}
  aws sts get-caller-identity

Stop it with Ctrl-C.
`;
}

/** With --log, stdout is for the JSON lines alone. */
const say = ({ log }: Flags, text: string): void => void (log ? process.stderr : process.stdout).write(text);

const writeLine = ({ at, ...event }: MockEc2Event): void =>
  void process.stdout.write(`${JSON.stringify({ time: new Date(at).toISOString(), ...event })}\n`);

function stopOnSignal(mock: MockEc2): void {
  const stop = (): void => {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    void mock.close();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

function fail(exitCode: number, mistakes: readonly string[]): void {
  for (const mistake of mistakes) process.stderr.write(`taskrole mock-ec2: ${mistake}\n`);
  process.exitCode = exitCode;
}
