import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { attempt } from "../kit/attempt.ts";
import {
  type ContainerPlaces,
  cgroup2In,
  cgroup2MountIn,
  containerIdIn,
  containerIdOf,
  isContainerScope,
  isWithin,
  type NftCgroup,
  nftCgroup,
  ownContainerCgroupIn,
} from "./cgroup-path.ts";
import { hasDropIn, isDropInThere } from "./scope-drop-in.ts";

/** A cgroup in which an engine makes those of its containers. */
export interface ContainerCgroup extends NftCgroup {
  /** As the setting names it. */
  readonly name: string;
  /** Another after it was removed and made again; what nft matches by. */
  readonly inode: number;
}

/** Containers that systemd's driver put one by one among the host's services, for want of a `cgroup-parent`. */
export interface ContainerScopes {
  /** The same of all. */
  readonly level: number;
  /** As {@link NftCgroup} has it. */
  readonly paths: readonly string[];
}

/** systemd.special(7): where services and scopes are unless they are told otherwise. */
const SERVICES_SLICE = "system.slice";
/** Slices are systemd's to make. */
const OF_SYSTEMD = /\.slice$/;
/** How far below the root engines put their containers; where one is found, the search goes no deeper. */
const SEARCH_DEPTH = 4;

const ofThisProcess = (file: "cgroup" | "mountinfo"): string =>
  attempt(() => readFileSync(`/proc/self/${file}`, "latin1")) ?? "";

export interface ContainerCgroupsOptions {
  readonly servicesSlice?: string;
  /** Whether systemd itself puts the scopes of containers into the set of the packet rules. */
  readonly areScopesTold?: () => boolean;
  /** The text of /proc/self/cgroup. */
  readonly readOwn?: () => string;
}

/** The cgroups that containers are looked for in, on this host. Reads, but for {@link make}. */
export class ContainerCgroups implements ContainerPlaces {
  readonly parents: readonly string[];
  readonly servicesSlice: string;
  /** Where cgroup 2 is mounted. */
  readonly mount = cgroup2MountIn(ofThisProcess("mountinfo"));
  readonly #readOwn: () => string;
  readonly #areScopesTold: () => boolean;

  /**
   * @param parents from the root of cgroup 2, without a slash before: "docker"
   */
  constructor(
    parents: readonly string[],
    {
      servicesSlice = SERVICES_SLICE,
      readOwn = () => ofThisProcess("cgroup"),
      areScopesTold = isDropInThere,
    }: ContainerCgroupsOptions = {},
  ) {
    this.#areScopesTold = areScopesTold;
    this.parents = parents;
    this.servicesSlice = servicesSlice;
    this.#readOwn = readOwn;
  }

  /** Those that are there now. */
  present(): readonly ContainerCgroup[] {
    return this.parents.flatMap((name) => this.#at(name) ?? []);
  }

  /** This process's own, where it runs in a container of theirs itself. */
  own(): ContainerCgroup | undefined {
    const name = ownContainerCgroupIn(this.#readOwn(), this);
    return name === undefined ? undefined : this.#at(name);
  }

  /**
   * False in a cgroup namespace of a container's own, which shows the cgroups below it as if they were all.
   * The file is in every cgroup but the host's root: https://docs.kernel.org/admin-guide/cgroup-v2.html#core-interface-files
   * Where systemd has its own below it, it is a machine's all the same (LXC, systemd-nspawn).
   */
  isWhole(): boolean {
    if (this.mount === undefined) return false;
    return !existsSync(join(this.mount, "cgroup.type")) || existsSync(join(this.mount, "init.scope"));
  }

  /** The ids of the containers that have processes now, less the one that this process is in. */
  containers(): readonly string[] {
    const place = this.own()?.name;
    const own = place === undefined ? undefined : containerIdIn(`/${place}`, this);
    const below = this.present().flatMap(({ name }) => this.#containersBelow(`/${name}`, SEARCH_DEPTH));
    return [...below, ...this.#containersBelow(`/${this.servicesSlice}`, 0)].filter((id) => id !== own);
  }

  /** Those of {@link ContainerScopes} that are there now. */
  scopes(): ContainerScopes {
    const { mount = "", servicesSlice } = this;
    const { level } = nftCgroup(`${servicesSlice}/x`, mount);
    const names = mount === "" ? [] : this.#children(`/${servicesSlice}`).filter(isContainerScope);
    return { level, paths: names.map((name) => this.#scopePath(name)) };
  }

  /** Calls back with the path of each that comes. */
  watchScopes(onScope: (path: string) => void, signal: AbortSignal): void {
    const { mount, servicesSlice } = this;
    if (mount === undefined) return;
    const folder = join(mount, servicesSlice);
    const note = (_: string, name: string | null): void => {
      if (name !== null && isContainerScope(name) && inodeOf(join(folder, name)) !== undefined)
        onScope(this.#scopePath(name));
    };
    attempt(() => watch(folder, { signal, persistent: false }, note).on("error", () => {}));
  }

  /** The folders of those that an engine would make and has not made yet: "/sys/fs/cgroup/docker". */
  missing(): readonly string[] {
    const { mount } = this;
    if (mount === undefined) return [];
    const made = this.parents.filter((name) => !OF_SYSTEMD.test(name));
    return made.map((name) => join(mount, name)).filter((folder) => inodeOf(folder) === undefined);
  }

  /** Makes those, where it may, so that the first container ever is matched too. */
  make(): void {
    for (const folder of this.missing()) attempt(() => mkdirSync(folder));
  }

  /** Calls back when a cgroup beside one of them comes or goes. What is lost here, the next check finds. */
  watch(onChange: () => void, signal: AbortSignal): void {
    const { mount } = this;
    if (mount === undefined) return;
    for (const folder of new Set(this.parents.map((name) => dirname(join(mount, name)))))
      attempt(() => watch(folder, { signal, persistent: false }, onChange).on("error", () => {}));
  }

  /** Where containers run that lie in none of them, and that systemd does not tell of itself: "system.slice". */
  strays(): readonly string[] {
    return this.mount === undefined ? [] : [...new Set(this.#straysBelow("", SEARCH_DEPTH))];
  }

  /** @returns where the container of this process is, as {@link strays} names it, when it lies in none of them */
  strayOf(pid: number): string | undefined {
    const path = cgroup2In(attempt(() => readFileSync(`/proc/${pid}/cgroup`, "latin1")) ?? "");
    if (path === undefined || this.parents.some((parent) => isWithin(path, parent))) return undefined;
    const names = path.split("/").slice(1);
    const place = names.findIndex((name) => containerIdOf(name) !== undefined);
    const parent = names.slice(0, place).join("/");
    return this.#isTold(parent, names[place] ?? "") ? undefined : parent;
  }

  /** The container's cgroup with this inode, from the root of cgroup 2; for whoever cannot have the kernel resolve it. */
  pathOf(inode: number): string | undefined {
    for (const { name, inode: own } of this.present()) {
      const path = own === inode ? `/${name}` : this.#below(`/${name}`, inode);
      if (path !== undefined) return path;
    }
    return this.#below(`/${this.servicesSlice}`, inode);
  }

  #scopePath(name: string): string {
    return nftCgroup(`${this.servicesSlice}/${name}`, this.mount ?? "").path;
  }

  #at(name: string): ContainerCgroup | undefined {
    const { mount } = this;
    if (mount === undefined) return undefined;
    const inode = inodeOf(join(mount, name));
    return inode === undefined ? undefined : { name, inode, ...nftCgroup(name, mount) };
  }

  #containersBelow(path: string, depth: number): readonly string[] {
    return this.#children(path).flatMap((name) => {
      const [id, child] = [containerIdOf(name), `${path}/${name}`];
      if (id !== undefined) return this.#hasProcesses(child) ? [id] : [];
      return depth === 0 ? [] : this.#containersBelow(child, depth - 1);
    });
  }

  /** In it or below it. */
  #hasProcesses(path: string): boolean {
    const events = attempt(() => readFileSync(join(this.mount ?? "", path, "cgroup.events"), "latin1")) ?? "";
    return /^populated 1$/m.test(events);
  }

  #below(path: string, inode: number): string | undefined {
    for (const name of this.#children(path)) {
      const child = `${path}/${name}`;
      const found = inodeOf(join(this.mount ?? "", child)) === inode ? child : this.#below(child, inode);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #straysBelow(path: string, depth: number): readonly string[] {
    if (this.parents.some((parent) => isWithin(path, parent))) return [];
    const names = this.#children(path);
    const isStray = (name: string) =>
      containerIdOf(name) !== undefined && !this.#isTold(path.slice(1), name) && this.#hasProcesses(`${path}/${name}`);
    if (names.some(isStray)) return [path.slice(1)];
    return depth === 0 ? [] : names.flatMap((name) => this.#straysBelow(`${path}/${name}`, depth - 1));
  }

  #isTold(parent: string, name: string): boolean {
    return parent === this.servicesSlice && hasDropIn(name) && isContainerScope(name) && this.#areScopesTold();
  }

  #children(path: string): readonly string[] {
    const entries = attempt(() => readdirSync(join(this.mount ?? "", path), { withFileTypes: true })) ?? [];
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }
}

const inodeOf = (path: string): number | undefined => attempt(() => statSync(path).ino);
