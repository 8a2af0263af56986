import { statSync } from "node:fs";
import { z } from "zod";
import { EnforcementError } from "../broker/address-enforcement.ts";
import { NextFlight } from "../kit/next-flight.ts";
import type { RunCommand } from "../kit/run-command.ts";
import { linkTowards, type ReadRoutes, readHostRoutes } from "./routes.ts";

/** Why a container's link was not found, in words that complete "…, because …". */
export class VethError extends EnforcementError {
  override readonly name = "VethError";
}

export interface VethFinderOptions {
  readonly run: RunCommand;
  /** The inode of a process's network namespace. */
  readonly namespaceOf?: (pid: number) => number;
  readonly readRoutes?: ReadRoutes;
}

const Namespaces = z.object({
  namespaces: z.array(z.object({ ns: z.number(), netnsid: z.union([z.number(), z.string()]).nullish() })),
});
const Links = z.array(
  z.object({ ifname: z.string(), link_netnsid: z.number().optional(), master: z.string().optional() }),
);

const LSNS = ["lsns", "-J", "-t", "net", "-o", "NS,NETNSID"];
/** It gives up, without a word, when a process ends just as it reads it: one time in a hundred while containers come and go. */
const LSNS_TRIES = 4;

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
 *
 * `lsns` reads all processes of the host, also when it is asked for one (50 us each), and `ip` all links of a bridge:
 * those who come while they run share the next run.
 */
export class VethFinder {
  readonly #run: RunCommand;
  readonly #namespaceOf: (pid: number) => number;
  readonly #readRoutes: ReadRoutes;
  readonly #links = new NextFlight<z.output<typeof Links>>();
  readonly #numbers = new NextFlight<ReadonlyMap<number, number>>();

  constructor({
    run,
    namespaceOf = (pid) => statSync(`/proc/${pid}/ns/net`).ino,
    readRoutes = readHostRoutes,
  }: VethFinderOptions) {
    this.#run = run;
    this.#namespaceOf = namespaceOf;
    this.#readRoutes = readRoutes;
  }

  /** @throws VethError */
  async find(pid: number, address: string): Promise<string> {
    const bridge = linkTowards(address, this.#readRoutes);
    if (bridge === undefined || !INTERFACE.test(bridge)) throw new VethError(`the host has no route to ${address}`);
    const [netnsid, links] = await Promise.all([
      this.#netnsidOf(pid),
      this.#links.run(bridge, () => this.#listLinks(bridge)),
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
    const netnsid = (await this.#numbers.run("all", () => this.#listNumbers())).get(inode);
    if (netnsid === undefined) throw new VethError(`the network namespace of process ${pid} has no link on this host`);
    return netnsid;
  }

  /** By inode; left out are those that have no number on this host ("unassigned") or have just ended (null). */
  async #listNumbers(): Promise<ReadonlyMap<number, number>> {
    const { namespaces } = Namespaces.parse(await this.#json(LSNS, LSNS_TRIES));
    const numbered = namespaces.filter(({ netnsid }) => /^\d+$/.test(String(netnsid)));
    return new Map(numbered.map(({ ns, netnsid }) => [ns, Number(netnsid)]));
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

  async #listLinks(bridge: string): Promise<z.output<typeof Links>> {
    return Links.parse(await this.#json(["ip", "-j", "link", "show", "master", bridge, "type", "veth"]));
  }

  async #json(argv: readonly string[], tries = 1): Promise<unknown> {
    const outcome = await this.#run(argv);
    if (outcome.kind === "exited" && outcome.code === 0)
      return JSON.parse(outcome.stdout === "" ? "[]" : outcome.stdout);
    if (outcome.kind === "exited" && tries > 1) return this.#json(argv, tries - 1);
    if (outcome.kind === "missing") throw new VethError(`there is no program ${argv[0]} (util-linux, iproute2)`);
    throw new VethError(`"${argv.join(" ")}" failed${"stderr" in outcome ? `: ${outcome.stderr.trim()}` : ""}`);
  }
}
