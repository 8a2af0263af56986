import { statSync } from "node:fs";
import { z } from "zod";
import { EnforcementError } from "../broker/address-enforcement.ts";
import { NextFlight } from "../kit/next-flight.ts";
import type { RunCommand } from "../kit/run-command.ts";

/** Why a container's link was not found, in words that complete "…, because …". */
export class VethError extends EnforcementError {
  override readonly name = "VethError";
}

export interface VethFinderOptions {
  readonly run: RunCommand;
  /** The inode of a process's network namespace. */
  readonly namespaceOf?: (pid: number) => number;
}

const Namespaces = z.object({
  namespaces: z.array(z.object({ ns: z.number(), netnsid: z.union([z.number(), z.string()]) })),
});
const Links = z.array(
  z.object({ ifname: z.string(), link_netnsid: z.number().optional(), master: z.string().optional() }),
);
const Routes = z.array(z.object({ dev: z.string().optional() }));

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES:
    "give taskrole CAP_SYS_PTRACE: AmbientCapabilities=CAP_NET_ADMIN CAP_SYS_PTRACE in its unit; in a container --cap-add SYS_PTRACE",
  ENOENT: "none needed when the container has just ended; a taskrole in a container of its own needs --pid host",
};

const INTERFACE = /^[\w.@-]{1,15}$/;

/**
 * The host's end of a container's link, found from the host's side alone; nothing that the container can set is
 * believed. Its process's network namespace has a number on this host (netnsid), which the host's ends of links bear;
 * of several, the one on the bridge that the host routes the address by.
 */
export class VethFinder {
  readonly #run: RunCommand;
  readonly #namespaceOf: (pid: number) => number;
  readonly #links = new NextFlight<z.output<typeof Links>>();

  constructor({ run, namespaceOf = (pid) => statSync(`/proc/${pid}/ns/net`).ino }: VethFinderOptions) {
    this.#run = run;
    this.#namespaceOf = namespaceOf;
  }

  /** @throws VethError */
  async find(pid: number, address: string): Promise<string> {
    const [netnsid, bridge, links] = await Promise.all([
      this.#netnsidOf(pid),
      this.#bridgeOf(address),
      this.#links.run("all", () => this.#listLinks()),
    ]);
    const found = links.filter((link) => link.link_netnsid === netnsid && link.master === bridge);
    const [link] = found;
    if (link === undefined) throw new VethError(`no link of process ${pid} is on the bridge ${bridge}`);
    if (found.length > 1) throw new VethError(`${found.length} links of process ${pid} are on the bridge ${bridge}`);
    if (!INTERFACE.test(link.ifname)) throw new VethError(`its link has an odd name: ${JSON.stringify(link.ifname)}`);
    return link.ifname;
  }

  async #netnsidOf(pid: number): Promise<number> {
    const inode = this.#inodeOf(pid);
    const listed = Namespaces.parse(
      await this.#json(["lsns", "-J", "-p", String(pid), "-t", "net", "-o", "NS,NETNSID"]),
    );
    const netnsid = Number(listed.namespaces.find(({ ns }) => ns === inode)?.netnsid ?? Number.NaN);
    if (Number.isInteger(netnsid)) return netnsid;
    throw new VethError(`the network namespace of process ${pid} has no link on this host`);
  }

  #inodeOf(pid: number): number {
    try {
      return this.#namespaceOf(pid);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const remedy = REMEDIES[code ?? ""];
      throw new VethError(`/proc/${pid}/ns/net cannot be read: ${code}`, { cause: error, ...(remedy && { remedy }) });
    }
  }

  /** By the host's own routes: the same for every engine, whatever it calls its bridges. */
  async #bridgeOf(address: string): Promise<string> {
    const [route] = Routes.parse(await this.#json(["ip", "-j", "route", "get", address]));
    if (route?.dev === undefined) throw new VethError(`the host has no route to ${address}`);
    return route.dev;
  }

  async #listLinks(): Promise<z.output<typeof Links>> {
    return Links.parse(await this.#json(["ip", "-j", "link", "show", "type", "veth"]));
  }

  async #json(argv: readonly string[]): Promise<unknown> {
    const outcome = await this.#run(argv);
    if (outcome.kind === "exited" && outcome.code === 0)
      return JSON.parse(outcome.stdout === "" ? "[]" : outcome.stdout);
    if (outcome.kind === "missing") throw new VethError(`there is no program ${argv[0]} (util-linux, iproute2)`);
    throw new VethError(`"${argv.join(" ")}" failed${"stderr" in outcome ? `: ${outcome.stderr.trim()}` : ""}`);
  }
}
