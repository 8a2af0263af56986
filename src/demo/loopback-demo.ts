import { compose } from "../app/compose.ts";
import { loadConfig } from "../app/config.ts";
import type { Config } from "../app/options.ts";
import { startAll } from "../app/services.ts";
import type { Log } from "../audit/log.ts";
import { staticWorkloads } from "../broker/static-workloads.ts";
import type { Binding } from "../broker/workload-resolver.ts";
import type { Workload } from "../core/workload.ts";
import { type Teardown, withTeardown } from "../kit/teardown.ts";
import { type MockEc2, startMockEc2 } from "../mock-ec2/mock-ec2.ts";
import { lastSegment } from "../mock-ec2/world.ts";
import { runOwn } from "../probe/own-program.ts";
import { steal } from "../probe/theft.ts";
import { ACTORS, type Actor, THIEF } from "./cast.ts";
import { type Say, tellEnd, tellIdentity, tellSetting, tellTheft } from "./story.ts";
import type { Identity } from "./who-am-i.ts";
import { layWire, type Wire } from "./wire.ts";

export interface DemoOptions {
  readonly say: Say;
  readonly log: Log;
  /** Called with the stage still standing; resolves when it may be taken down. */
  readonly keep?: (stage: Stage) => Promise<void>;
}

/** Everything that runs, and where. */
export interface Stage {
  readonly mock: MockEc2;
  readonly port: number;
  /** The loopback address that each actor has for its own. */
  readonly addressOf: (actor: Actor) => string;
}

const REGION = "us-east-1";
const DAEMON_HOST = "127.0.0.1";
const FIRST_ADDRESS = 11;
const CAST = [...ACTORS, THIEF];

const addressOf = (actor: Actor): string => `127.0.0.${FIRST_ADDRESS + CAST.indexOf(actor)}`;

/** @returns whether every workload was who it should be */
export const runLoopbackDemo = (options: DemoOptions): Promise<boolean> =>
  withTeardown((teardown) => play(options, teardown));

async function play({ say, log, keep }: DemoOptions, teardown: Teardown): Promise<boolean> {
  const mock = await startMockEc2();
  teardown.defer(() => mock.close());
  const { daemon, stop } = await startDaemon(mock, log);
  teardown.defer(stop);
  for (const wire of await layWires(daemon)) teardown.defer(() => wire.close());
  const stage = { mock, port: daemon.port, addressOf };
  const place = "answers each of them as their instance metadata service, 169.254.169.254";
  tellSetting(say, { hostRoleArn: mock.hostRoleArn, region: REGION, place });
  const good = await perform(stage, say);
  tellEnd(say, good);
  await keep?.(stage);
  return good;
}

async function startDaemon(mock: MockEc2, log: Log) {
  const resolver = staticWorkloads(new Map(CAST.map((actor) => [addressOf(actor), workloadOf(actor)])));
  const { server, services, prefetch } = compose(demoConfig(mock), log, { resolver });
  const stop = await startAll(services);
  await Promise.all(CAST.filter(({ role }) => role !== undefined).map((actor) => prefetch(bindingOf(actor))));
  const { port } = server.address() ?? { port: 0 };
  return { daemon: { host: DAEMON_HOST, port }, stop };
}

/** The defaults, pointed at the mock; nothing of this machine's own configuration. */
function demoConfig({ metadataUrl, stsUrl }: MockEc2): Config {
  const flags = { listen: `${DAEMON_HOST}:0`, metadataUrl, stsEndpoint: stsUrl, interception: "none" };
  return loadConfig({ file: "/dev/null", environment: {}, flags });
}

const workloadOf = ({ name, role, shownAs }: Actor): Workload => ({
  id: Buffer.from(`demo-${name}`).toString("hex").padEnd(64, "0"),
  name,
  startedAt: "demo",
  ...(role !== undefined && { roleClaim: { text: role, place: shownAs } }),
});

const bindingOf = (actor: Actor): Binding => ({
  address: addressOf(actor),
  workload: workloadOf(actor),
  isCurrent: () => true,
});

const layWires = (daemon: { host: string; port: number }): Promise<readonly Wire[]> =>
  Promise.all(CAST.map((actor) => layWire({ address: addressOf(actor), port: daemon.port, daemon })));

async function perform(stage: Stage, say: Say): Promise<boolean> {
  const results: boolean[] = [];
  const identities = await Promise.all(ACTORS.map((actor) => askIdentity(stage, actor)));
  for (const [i, actor] of ACTORS.entries()) {
    results.push(tellIdentity(say, actor, identities[i] ?? { none: "it said nothing" }));
  }
  const hostRoleName = lastSegment(stage.mock.hostRoleArn);
  results.push(tellTheft(say, THIEF, await steal({ host: addressOf(THIEF), port: stage.port, hostRoleName })));
  return results.every(Boolean);
}

async function askIdentity({ mock, port }: Stage, actor: Actor): Promise<Identity> {
  const said = await runOwn(["demo-workload"], {
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${addressOf(actor)}:${port}`,
    AWS_ENDPOINT_URL_STS: mock.stsUrl,
    AWS_REGION: REGION,
    HOME: "/nonexistent",
    PATH: process.env["PATH"] ?? "",
  });
  return said === "" ? { none: "the program did not run" } : JSON.parse(said);
}
