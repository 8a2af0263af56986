import { instanceFrom, type World } from "../../src/mock-ec2/world.ts";
import { type Host, type HostContainer, type HostOptions, startHost } from "../support/host.ts";
import { type Between, standBetween } from "./between.ts";
import { Caller } from "./caller.ts";

/** A name with every character that a role's may hold beside letters and digits. */
export const ODD_ROLE = "a+b=c,d@e.f_g-h";

/** Every workload there is to a metadata service: by name, what it is in a word. */
export const WORKLOADS = {
  web: { address: "127.50.0.2", address6: "fd00:50::2", labels: { "taskrole.role": "web" } },
  /** Another one, healthy too. */
  worker: { address: "127.50.0.3", address6: "fd00:50::3", env: ["IAM_ROLE=team/worker"] },
  /** Names no role. */
  plain: { address: "127.50.0.4", address6: "fd00:50::4" },
  /** STS refuses its role. */
  denied: { address: "127.50.0.5", address6: "fd00:50::5", labels: { "taskrole.role": "denied" } },
  /** STS cannot be reached for its role. */
  cut: { address: "127.50.0.6", address6: "fd00:50::6", labels: { "taskrole.role": "cut" } },
  odd: {
    address: "127.50.0.7",
    address6: "fd00:50::7",
    labels: { "taskrole.role": `arn:aws:iam::111122223333:role/team/${ODD_ROLE}` },
  },
} as const satisfies Readonly<Record<string, HostContainer>>;

export type WorkloadName = keyof typeof WORKLOADS;

/** An address of the containers' network that no container has. */
export const NOBODY = { address: "127.50.0.99", address6: "fd00:50::99" };

/** A host that has everything that may be secret or absent: user data, tags, a notice of its own end. */
export const FULL_WORLD: World = {
  instance: instanceFrom({
    region: "eu-west-1",
    role: "host-execution-role",
    userData: "#!/bin/sh\nexport SECRET=in-the-user-data",
    tags: { Name: "ci-7", Team: "red" },
    lifecycle: "spot",
    spotInterruption: { action: "terminate", time: Date.UTC(2030, 0, 2, 3, 4, 5) },
    rebalanceNoticeTime: Date.UTC(2030, 0, 2, 3, 2, 5),
    autoscalingState: "InService",
  }),
  hostMayAssume: ["web", "team/*", "cut", "later-*"].map((role) => `arn:aws:iam::111122223333:role/${role}`),
  users: [],
};

export interface ProtocolHostOptions extends Omit<HostOptions, "containers"> {
  readonly containers?: HostOptions["containers"];
}

export interface ProtocolHost extends Host {
  readonly sts: Between;
  readonly upstream: Between;
  /** A new client at that workload's place. */
  caller(name: WorkloadName): Caller;
  callerAt(address: string): Caller;
  /** Starts a container with that role and tells nobody: the daemon hears of it by its first request. */
  run(role: string, address?: string): Started;
  /** As `docker rm -f`, events and all. */
  remove(container: Started): void;
}

/** A container that was not there when the daemon started. */
export interface Started {
  readonly id: string;
  readonly address: string;
  readonly caller: Caller;
}

/** The whole program with every kind of workload, and a hand on its way to STS and to the real metadata service. */
export async function startProtocolHost(options: ProtocolHostOptions = {}): Promise<ProtocolHost> {
  await using stack = new AsyncDisposableStack();
  const [sts, upstream] = await Promise.all([standBetween(), standBetween()]);
  stack.defer(() => sts.close());
  stack.defer(() => upstream.close());
  sts.fate = ({ body }) => (/role%2Fcut(?:&|$)/.test(body) ? { answer: "hang-up" } : {});
  const host = stack.use(await startHostBetween(sts, upstream, options));
  const callerAt = (from: string) => new Caller({ from, to: "127.0.0.1", port: host.port });
  const { engine } = host;
  const [network = ""] = engine.networks.keys();
  let started = 0;
  const kept = stack.move();
  return {
    ...host,
    get taskrole() {
      return host.taskrole;
    },
    sts,
    upstream,
    callerAt,
    caller: (name) => callerAt(WORKLOADS[name].address),
    run(role, address = `127.50.1.${++started}`) {
      const { Id } = engine.run({ network, name: role, ip: `${address}/16`, labels: { "taskrole.role": role } });
      return { id: Id, address, caller: callerAt(address) };
    },
    remove({ id }) {
      engine.remove(id);
      engine.sendContainer("die", id);
      engine.sendNetwork("disconnect", network, id);
      engine.sendContainer("destroy", id);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function startHostBetween(sts: Between, upstream: Between, options: ProtocolHostOptions): Promise<Host> {
  const host = await startHost({
    containers: WORKLOADS,
    ...options,
    ec2: { world: FULL_WORLD, ...options.ec2 },
    flags: { "metadata-url": upstream.url, "sts-endpoint": sts.url, ...options.flags },
  });
  sts.leadTo(host.ec2.stsUrl);
  upstream.leadTo(host.ec2.metadataUrl);
  return host;
}
