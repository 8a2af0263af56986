import { compose } from "../app/compose.ts";
import { loadConfig } from "../app/config.ts";
import type { Config } from "../app/options.ts";
import { startAll } from "../app/services.ts";
import { StartError } from "../app/start-error.ts";
import type { Log } from "../audit/log.ts";
import { Interception } from "../kernel/interception.ts";
import { type Teardown, withTeardown } from "../kit/teardown.ts";
import { type MockEc2, startMockEc2 } from "../mock-ec2/mock-ec2.ts";
import { lastSegment } from "../mock-ec2/world.ts";
import { docker } from "../probe/docker-cli.ts";
import { importOwnImage, type OwnImage } from "../probe/own-image.ts";
import { ACTORS, type Actor, THIEF } from "./cast.ts";
import { type Say, tellEnd, tellIdentity, tellSetting, tellTheft } from "./story.ts";

const NAME = "taskrole-demo";
const REGION = "us-east-1";
const ANY_PORT = 0;

interface DockerDemoOptions {
  readonly say: Say;
  readonly log: Log;
}

/**
 * The same story with real containers on a network of their own, and the real
 * packet rules; all of it is taken away again at the end.
 *
 * @returns whether every container was who it should be
 * @throws StartError when this machine cannot show it
 */
export const runDockerDemo = (options: DockerDemoOptions): Promise<boolean> =>
  withTeardown((teardown) => play(options, teardown));

async function play({ say, log }: DockerDemoOptions, teardown: Teardown): Promise<boolean> {
  const gateway = await ownNetwork(teardown);
  const image = await importOwnImage(docker, `${NAME}:latest`);
  teardown.defer(async () => void (await docker("image", "rm", "--force", image.name)));
  const mock = await startMockEc2({ stsListen: { host: gateway, port: ANY_PORT } });
  teardown.defer(() => mock.close());
  await interceptForNow(teardown, log, mock);
  const place = "answers them in place of their instance metadata service, by packet rules";
  tellSetting(say, { hostRoleArn: mock.hostRoleArn, region: REGION, place });
  const good = await perform({ image, mock }, say);
  tellEnd(say, good);
  return good;
}

/** @returns the host's address on a bridge that only this demo uses */
async function ownNetwork(teardown: Teardown): Promise<string> {
  await docker("network", "create", NAME);
  teardown.defer(async () => void (await docker("network", "rm", NAME)));
  return docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", NAME);
}

async function interceptForNow(teardown: Teardown, log: Log, mock: MockEc2): Promise<void> {
  const config = demoConfig(mock);
  const interception = new Interception({ port: config.listen.port });
  const { parts } = await interception.check();
  if (parts.some(({ state }) => state !== "absent")) {
    throw new StartError("the interception of this host is up already: the demo would take it from a running taskrole");
  }
  teardown.defer(async () => void (await interception.down()));
  teardown.defer(await startAll(compose(config, log).services));
}

function demoConfig({ metadataUrl, stsUrl }: MockEc2): Config {
  const endpoint = process.env["DOCKER_HOST"];
  const flags = { metadataUrl, stsEndpoint: stsUrl, ...(endpoint !== undefined && { dockerEndpoint: endpoint }) };
  return loadConfig({ file: "/dev/null", environment: {}, flags });
}

interface Stage {
  readonly image: OwnImage;
  readonly mock: MockEc2;
}

async function perform(stage: Stage, say: Say): Promise<boolean> {
  const results: boolean[] = [];
  const said = await Promise.all(ACTORS.map((actor) => runContainer(stage, actor, ["demo-workload"])));
  for (const [i, actor] of ACTORS.entries()) results.push(tellIdentity(say, actor, JSON.parse(said[i] ?? "")));
  const hostRoleName = lastSegment(stage.mock.hostRoleArn);
  const loot = await runContainer(stage, THIEF, ["demo-workload", "--steal", hostRoleName]);
  results.push(tellTheft(say, THIEF, JSON.parse(loot)));
  return results.every(Boolean);
}

const runContainer = ({ image, mock }: Stage, actor: Actor, args: readonly string[]): Promise<string> =>
  docker(
    ...["run", "--rm", "--network", NAME, "--name", `${NAME}-${actor.name}`],
    ...roleOptions(actor),
    ...["--env", `AWS_ENDPOINT_URL_STS=${mock.stsUrl}`, "--env", `AWS_REGION=${REGION}`, "--env", "HOME=/nonexistent"],
    ...[...image.runOptions, image.name, ...image.command, ...args],
  );

/** As the cast shows them, so that what is printed is what was run. */
const roleOptions = ({ role, shownAs }: Actor): readonly string[] => (role === undefined ? [] : shownAs.split(" "));
