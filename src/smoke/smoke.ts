import type { Config } from "../app/options.ts";
import { StartError } from "../app/start-error.ts";
import { runCommand } from "../kit/run-command.ts";
import { sleep } from "../kit/sleep.ts";
import { type Docker, dockerAt } from "../probe/docker-cli.ts";
import type { Watch } from "../probe/watch.ts";
import { findingsOf } from "./checks.ts";
import { type DecidedRole, decidedRole } from "./decided-role.ts";
import { homeAccount } from "./home-account.ts";
import { hostNetworkSeen } from "./host-network-seen.ts";
import { hostRole } from "./host-role.ts";
import type { Expected, Finding, HostRole, Observations } from "./observations.ts";
import type { Surroundings } from "./report.ts";
import { rulesSeen } from "./rules-seen.ts";
import { clearAway, clearingByHand, Stage } from "./stage.ts";
import { bootFacts, surroundings } from "./surroundings.ts";

export interface SmokeOptions {
  readonly config: Config;
  readonly expected: Omit<Expected, "ofNameless">;
  /** Of the container that is to have the role, beside those of all. */
  readonly roleOptions: readonly string[];
  /** Of all containers: `--label`. */
  readonly runOptions: readonly string[];
  /** Of all but one; undefined: the engine's own bridge. */
  readonly network: string | undefined;
  readonly image: string | undefined;
  /** The words of the command by which the daemon is started again; undefined: it is not. */
  readonly restart: readonly string[] | undefined;
  readonly isAfterReboot: boolean;
  /** Of this program, for the report. */
  readonly version: string;
  /** What is being done, and what could not be undone. */
  readonly tell: (line: string) => void;
  /** Aborted with the error to end with. */
  readonly stop: AbortSignal;
}

export interface SmokeResult {
  readonly findings: readonly Finding[];
  readonly surroundings: Surroundings;
  /** False where something of what was made could not be taken away again, and was told. */
  readonly isCleared: boolean;
}

/**
 * Has throw-away containers ask for credentials on this host, and judges what they got. All that is made is taken
 * away again, however the run ends.
 *
 * @throws StartError when it cannot be tried here
 */
export async function runSmoke(options: SmokeOptions): Promise<SmokeResult> {
  const { config, image, tell, version } = options;
  const docker = dockerAt(config.dockerEndpoint);
  const found = await surroundings(docker, config, version);
  const host = await hostRole(config.metadataUrl);
  tell("making throw-away containers");
  await clearAway({ docker, image });
  const [seen] = await Promise.allSettled([observe(docker, host, options)]);
  const isCleared = await clearAway({ docker, image }).then(
    () => true,
    (error: unknown) => {
      tell(leftBehind(error, options));
      return false;
    },
  );
  if (seen.status === "rejected") throw seen.reason;
  return { findings: findingsOf(seen.value), surroundings: found, isCleared };
}

async function observe(docker: Docker, host: HostRole, options: SmokeOptions): Promise<Observations> {
  const { config, roleOptions, tell, stop, isAfterReboot } = options;
  const hostRoleName = "roleName" in host ? host.roleName : "";
  const stage = await Stage.open({ ...options, docker, hostRoleName, goOn: () => stop.throwIfAborted() });
  tell(`a container with the role ${options.expected.role}, twice`);
  const named = await stage.look("named", roleOptions);
  const namedAgain = await stage.lookAgain("named");
  tell("a container that names no role and wants the host's");
  const nameless = await stage.look("nameless", []);
  const home = await homeAccount(config);
  const expected = expectedOf(decidedRole(await stage.inspect("nameless"), config, home), options);
  tell("a container on the host's network");
  const onHostNetwork = await hostNetworkSeen(stage, config, home);
  // Of a service that is started again the boot's own time is forgotten.
  const boot = await bootFacts();
  const watch = await watchRestart(stage, options);
  const rules = await rulesSeen(config);
  return { expected, host, rules, named, namedAgain, nameless, onHostNetwork, watch, boot, isAfterReboot };
}

/** A container that names no role is one whichever row it is in: the rules may give it another default than the setting. */
function expectedOf(ofNameless: DecidedRole, { expected, roleOptions }: SmokeOptions): Observations["expected"] {
  const roleName = roleOptions.length > 0 ? expected.roleName : ofNameless.roleName;
  return { ...expected, roleName, ofNameless };
}

/** Time for the watching container to see how it was, and for the daemon to be there again. */
const BEFORE_MS = 1_500;
const AFTER_MS = 5_000;
const RESTART_TIMEOUT_MS = 60_000;

async function watchRestart(stage: Stage, { restart, roleOptions, tell }: SmokeOptions): Promise<Watch | undefined> {
  if (restart === undefined) return undefined;
  tell(`a container that asks without pause, meanwhile: ${restart.join(" ")}`);
  return stage.watchDuring(roleOptions, async () => {
    await sleep(BEFORE_MS);
    await runRestart(restart);
    await sleep(AFTER_MS);
  });
}

async function runRestart(argv: readonly string[]): Promise<void> {
  const outcome = await runCommand(argv, { timeoutMs: RESTART_TIMEOUT_MS });
  if (outcome.kind === "exited" && outcome.code === 0) return;
  const words = "stderr" in outcome ? outcome.stderr.trim() : outcome.kind;
  throw new StartError(`"${argv.join(" ")}", which --restart-daemon names, failed: ${words}`);
}

const leftBehind = (error: unknown, { config, image }: SmokeOptions): string =>
  `could not take everything away: ${error instanceof Error ? error.message : String(error)}; by hand: ` +
  clearingByHand(config.dockerEndpoint, image);
