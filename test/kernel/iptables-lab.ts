import type { TestContext } from "node:test";
import { runHostProgram } from "../../src/kernel/host-programs.ts";
import { Interception, type InterceptionOptions } from "../../src/kernel/interception.ts";
import { IptablesBindingStore } from "../../src/kernel/iptables-binding-store.ts";
import { KernelBindings } from "../../src/kernel/kernel-bindings.ts";
import { VethFinder } from "../../src/kernel/veth-finder.ts";
import type { RunCommand } from "../../src/kit/run-command.ts";
import { CONTAINER_V4, CONTAINER_V6, HOST_V4, HOST_V6, Namespace, type NetworkLab, openLab } from "./network-lab.ts";

/** iptables as it is found, or by the name of its variant. */
const VARIANTS = ["nft", "legacy"] as const;
export type Variant = (typeof VARIANTS)[number];

/** Those that this machine has and its kernel takes. */
export async function usableVariants(): Promise<readonly Variant[]> {
  const outcomes = await Promise.all(
    VARIANTS.map((variant) => runHostProgram(["unshare", "-n", `iptables-${variant}`, "-t", "raw", "-S"])),
  );
  return VARIANTS.filter((_, i) => outcomes[i]?.kind === "exited" && outcomes[i].code === 0);
}

/** `iptables-save` becomes `iptables-legacy-save`. */
export const withVariant =
  (run: RunCommand, variant: Variant): RunCommand =>
  ([program = "", ...args], options) =>
    run([program.replace(/^(ip6?tables)(?=-|$)/, `$1-${variant}`), ...args], options);

export const PORT = 9254;
export const MAC = "02:42:ac:11:00:02";
export const METADATA4 = "169.254.169.254";
export const METADATA6 = "fd00:ec2::254";
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

export interface IptablesLab extends NetworkLab {
  /** Runs this variant's iptables on the host. */
  readonly run: RunCommand;
  readonly options: InterceptionOptions;
  readonly bindings: KernelBindings;
  readonly interception: Interception;
}

/** A host whose daemon is about to intercept with iptables, and a container with a hardware address of its own. */
export async function iptablesLab(t: TestContext, variant: Variant): Promise<IptablesLab> {
  const lab = await openLab(t);
  const run = withVariant(lab.host.run, variant);
  const finder = new VethFinder({ run: lab.host.run, readRoutes: lab.host.readRoutes });
  const bindings = new KernelBindings({ run, now: () => NOW, finder, store: new IptablesBindingStore(run) });
  const options: InterceptionOptions = {
    kind: "iptables",
    port: PORT,
    run,
    follow: lab.host.follow,
    readHost: () => ({ isLinux: true, mayChangeNetwork: true, hasIpv6: true }),
    readSetting: async (path) => {
      const outcome = await lab.host.run(["cat", path]);
      return outcome.kind === "exited" && outcome.code === 0 ? outcome.stdout : undefined;
    },
  };
  await lab.container.must(`ip link set eth0 address ${MAC}`);
  return { ...lab, run, options, bindings, interception: new Interception({ ...options, bindings }) };
}

/** A second container on the bridge, with all rights over its own network. */
export async function neighbourOf(t: TestContext, { host }: NetworkLab): Promise<Namespace> {
  const neighbour = await Namespace.open();
  t.after(() => neighbour.close());
  await host.must(`
    ip link add veth2 type veth peer name eth0 netns ${neighbour.pid}
    ip link set veth2 master anyname0 up`);
  return neighbour;
}

/** The neighbour takes the container's address, and a hardware address: by default the container's as well. */
export async function takeOver(lab: NetworkLab, neighbour: Namespace, mac = MAC): Promise<void> {
  await lab.container.must("ip link set eth0 down");
  await neighbour.must(`
    ip link set eth0 address ${mac}
    ip address add ${CONTAINER_V4}/16 dev eth0
    ip address add ${CONTAINER_V6}/64 dev eth0 nodad
    ip link set eth0 up
    ip route replace default via ${HOST_V4}
    ip -6 route replace default via ${HOST_V6}`);
  await lab.host.run(["ip", "neigh", "flush", "dev", "anyname0"]);
}

export const serve = (host: Namespace) => host.tell({ do: "serve", name: "DAEMON", port: PORT });
export const ask = (from: Namespace, host: string, port = 80) => from.tell({ do: "ask", host, port });
