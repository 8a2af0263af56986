import type { Log } from "../audit/log.ts";
import type { Enforce } from "../broker/address-enforcement.ts";
import type { BindingStore } from "../kernel/binding-store.ts";
import { ContainerCgroups } from "../kernel/container-cgroups.ts";
import { maySeeNamespaces } from "../kernel/host-facts.ts";
import { runHostProgram } from "../kernel/host-programs.ts";
import { Interception, type InterceptionKind } from "../kernel/interception.ts";
import { InterceptionError } from "../kernel/interception-error.ts";
import type { InterceptionStatus } from "../kernel/interception-status.ts";
import { IptablesBindingStore } from "../kernel/iptables-binding-store.ts";
import { KernelBindings } from "../kernel/kernel-bindings.ts";
import { NftBindingStore } from "../kernel/nft-binding-store.ts";
import { endUnsentAnswers } from "../kernel/unsent-answers.ts";
import { type RulesConfig, rulesOf } from "./host-network-service.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";
import { StartError } from "./start-error.ts";

export interface InterceptionPart {
  readonly service: Service;
  /** Ties a container's address to its port of the bridge; undefined where taskrole has no rules of its own. */
  readonly enforce: Enforce | undefined;
}

type Settings = RulesConfig & Pick<Config, "interception" | "guardedUplinks">;

/**
 * Up before anything listens, watched while the daemon runs, and left up when
 * it stops: containers are then refused a connection, never let through.
 */
export function interceptionService(config: Settings, log: Log): InterceptionPart {
  const { interception: kind, guardedUplinks } = config;
  if (kind === "none") return { service: noRules(log), enforce: undefined };
  const bindings = new KernelBindings({ run: runHostProgram, now: () => Date.now(), store: storeOf(kind) });
  const interception = new Interception({ ...rulesOf(config), kind, bindings, guardedUplinks });
  return { service: rulesService(interception, config, log), enforce: (owner) => interception.enforce(owner) };
}

const storeOf = (kind: InterceptionKind): BindingStore =>
  kind === "iptables" ? new IptablesBindingStore(runHostProgram) : new NftBindingStore(runHostProgram);

const UNPROTECTED =
  "interception is none: taskrole has no packet rules of its own. A container is known by its address alone: a neighbour on " +
  "the same bridge that claims it gets its role and can read its answers. When your own redirect is lost, containers " +
  "reach the host's role; the port can be asked directly by whoever reaches it.";

const noRules = (log: Log): Service => ({
  name: "interception",
  start: async () => log.warn({ reason: UNPROTECTED }, "interception"),
  stop: async () => {},
});

function rulesService(interception: Interception, settings: Settings, log: Log): Service {
  const { listen, refusedUsers, containerCgroups } = settings;
  const stopping = new AbortController();
  let watching = Promise.resolve();
  return {
    name: "interception",
    async start() {
      demandNotRefused(refusedUsers);
      await endUnsentAnswers(listen.port, runHostProgram);
      const warnings = await broughtUp(interception, () => new ContainerCgroups(containerCgroups).containers());
      log.info({ port: listen.port }, "interception is up");
      for (const reason of warnings) log.warn({ reason }, "interception");
      if (!maySeeNamespaces()) log.warn(BLIND, "interception");
      watching = interception.watch(watchEvents(log), stopping.signal);
    },
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}

/** @returns what an operator should know although all is in place */
async function broughtUp(interception: Interception, runningNow: () => readonly string[]): Promise<readonly string[]> {
  try {
    const exposed = (await interception.isHeld()) ? [] : runningNow();
    await interception.up();
    const { warnings } = await interception.check();
    return exposed.length === 0 ? warnings : [exposedWarning(exposed), ...warnings];
  } catch (error) {
    throw notUp(error);
  }
}

const NAMED_AT_MOST = 5;

/** After a boot, above all: Docker starts its containers in no order that could be set. */
function exposedWarning(ids: readonly string[]): string {
  const named = ids.slice(0, NAMED_AT_MOST).map((id) => id.slice(0, 12));
  const others = ids.length > NAMED_AT_MOST ? ` and ${ids.length - NAMED_AT_MOST} more` : "";
  return (
    `Containers ran before the routing rules were in place: ${named.join(", ")}${others}. Until now they could reach the ` +
    "host's role. At boot taskrole-hold.service (taskrole install) or, for a taskrole that is a container itself, " +
    "taskrole-guard.service (docs/install/container.md) puts the rules in place before Docker starts"
  );
}

const BLIND = {
  reason: "this process may not see other users' network namespaces (CAP_SYS_PTRACE): containers get 503",
  remedy: "give the service AmbientCapabilities=CAP_NET_ADMIN CAP_SYS_PTRACE (in a container: --cap-add SYS_PTRACE)",
};

/** taskrole itself asks the real service. */
function demandNotRefused(refusedUsers: Config["refusedUsers"]): void {
  const own = process.getuid?.() ?? 0;
  if (!refusedUsers.some(({ from, to }) => from <= own && own <= to)) return;
  throw new StartError(
    `refusedUsers holds the user ${own}, whom taskrole runs as: leave that number out of it, or run taskrole as another user`,
  );
}

const watchEvents = (log: Log) => ({
  onDrift: (status: InterceptionStatus) =>
    log.warn({ parts: driftOf(status) }, "the interception was changed by someone"),
  onMended: () => log.info({}, "the interception is mended"),
  onMendFailed: (error: unknown) => log.error(words(error), "the interception could not be mended"),
});

const driftOf = ({ parts }: InterceptionStatus): readonly string[] =>
  parts
    .filter(({ state }) => state !== "present")
    .map(({ name, state, differences }) => [`${name} is ${state}`, ...differences].join(": "));

const notUp = (error: unknown): unknown =>
  error instanceof InterceptionError ? new StartError(`${error.message} ${error.remedy}`, { cause: error }) : error;

const words = (error: unknown) =>
  error instanceof InterceptionError ? { reason: error.message, remedy: error.remedy } : { err: error };
