import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FakeMember {
  readonly IPv4Address?: string;
  readonly IPv6Address?: string;
  readonly MacAddress?: string;
}

interface FakeNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string }[] | null };
  readonly Options: Readonly<Record<string, string>>;
  readonly Containers: Map<string, FakeMember>;
}

export interface FakeContainer {
  readonly Id: string;
  Name: string;
  Running: boolean;
  Pid: number;
  StartedAt: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Env: readonly string[] | null;
  readonly NetworkMode: string;
}

export interface RunOptions {
  readonly network: string;
  /** With the prefix length, as Docker writes it. */
  readonly ip?: string;
  readonly ip6?: string;
  readonly mac?: string;
  /** Of a real process, where the kernel is to believe in the container; else one that is made up. */
  readonly pid?: number;
  /** In full; else one that is made up. */
  readonly id?: string;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>> | null;
  readonly env?: readonly string[] | null;
  readonly running?: boolean;
  /** Id of the container whose network it shares; podman lists it there all the same. */
  readonly guestOf?: string;
}

/** Stops what matches it: the answer is made at once and sent, stale by then, when the gate opens; or made only then. */
export interface Gate {
  /** How many requests wait here, or have waited. */
  reached: number;
  open(): void;
}

interface ClosedGate extends Gate {
  readonly pattern: RegExp;
  readonly madeAtOnce: boolean;
  readonly opened: Promise<void>;
}

export const newId = (): string => randomBytes(32).toString("hex");

/**
 * A Docker Engine on a unix socket: state that a test changes, events that a test sends, and faults. State and events
 * are apart on purpose: an event that comes late, twice, in another order or never is what there is to test.
 */
export class FakeEngine {
  readonly socketPath = join(mkdtempSync(join(tmpdir(), "fake-engine-")), "docker.sock");
  readonly endpoint = `unix://${this.socketPath}`;
  readonly networks = new Map<string, FakeNetwork>();
  readonly containers = new Map<string, FakeContainer>();
  /** "GET /networks" and so on, without the version, in the order they came. */
  readonly calls: string[] = [];
  /** The version prefixes they came with. */
  readonly versions: string[] = [];
  readonly subscriptions: URLSearchParams[] = [];
  apiVersion = "1.41";
  minApiVersion = "1.12";
  flavour: "docker" | "podman" = "docker";
  /** The Engine's clock, in ms; what its events bear. */
  now: () => number = Date.now;
  /** Answers instead of the Engine: status and body. */
  fault: ((call: string) => readonly [number, string] | "hang" | "hang-up" | undefined) | undefined;
  /** Written to each new subscriber, as what `since` asks for. */
  replay: string[] = [];
  /** Requests that came and have no answer yet, those for events left out. */
  pending = 0;
  /** Events sent to whoever was listening. */
  sent = 0;
  readonly #streams = new Set<ServerResponse>();
  #gates: ClosedGate[] = [];
  #server: Server | undefined;
  #pids = 1000;

  async listen(): Promise<this> {
    const server = createServer((request, response) => void this.#answer(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve));
    return this;
  }

  /** The socket goes away, as when dockerd stops. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    this.#streams.clear();
    await closed;
  }

  async destroy(): Promise<void> {
    this.openGates();
    await this.close();
    rmSync(join(this.socketPath, ".."), { recursive: true, force: true });
  }

  addNetwork(given: { name: string; subnets?: readonly string[]; driver?: string; id?: string }): string {
    const Id = given.id ?? newId();
    this.networks.set(Id, {
      Id,
      Name: given.name,
      Driver: given.driver ?? "bridge",
      IPAM: { Config: given.subnets ? given.subnets.map((Subnet) => ({ Subnet })) : null },
      Options: {},
      Containers: new Map(),
    });
    return Id;
  }

  run({ network, ip, ip6, mac, ...given }: RunOptions): FakeContainer {
    this.#pids += 1;
    const { id = newId(), name = "c", running = true } = given;
    const container: FakeContainer = {
      Id: id,
      Name: `/${name}`,
      Running: running,
      Pid: running ? (given.pid ?? this.#pids) : 0,
      StartedAt: new Date(1_700_000_000_000 + this.#pids).toISOString(),
      Labels: given.labels ?? null,
      Env: given.env ?? null,
      NetworkMode: given.guestOf === undefined ? "bridge" : `container:${given.guestOf}`,
    };
    this.containers.set(container.Id, container);
    this.connect(network, container.Id, { IPv4Address: ip ?? "", IPv6Address: ip6 ?? "", MacAddress: mac ?? "" });
    return container;
  }

  connect(network: string, member: string, addresses: FakeMember): void {
    this.networks.get(network)?.Containers.set(member, { IPv4Address: "", IPv6Address: "", ...addresses });
  }

  disconnect(network: string, member: string): void {
    this.networks.get(network)?.Containers.delete(member);
  }

  /** As `docker rm -f`: without events. */
  remove(id: string): void {
    for (const { Containers } of this.networks.values()) Containers.delete(id);
    this.containers.delete(id);
  }

  /** The next life of the same container. */
  restart(id: string): void {
    const container = this.containers.get(id);
    if (!container) throw new Error(`no container ${id}`);
    this.#pids += 1;
    Object.assign(container, {
      Running: true,
      Pid: this.#pids,
      StartedAt: new Date(1_800_000_000_000 + this.#pids).toISOString(),
    });
  }

  countOf(pattern: RegExp): number {
    return this.calls.filter((call) => pattern.test(call)).length;
  }

  gate(pattern: RegExp, made: "at once" | "when opened" = "at once"): Gate {
    const { promise: opened, resolve } = Promise.withResolvers<void>();
    const open = (): void => {
      this.#gates = this.#gates.filter((other) => other !== gate);
      resolve();
    };
    const gate: ClosedGate = { pattern, madeAtOnce: made === "at once", opened, reached: 0, open };
    this.#gates.push(gate);
    return gate;
  }

  openGates(): void {
    for (const gate of [...this.#gates]) gate.open();
  }

  get subscribers(): number {
    return this.#streams.size;
  }

  sendRaw(bytes: string | Uint8Array): void {
    for (const stream of this.#streams) stream.write(bytes);
  }

  sendContainer(action: string, id: string): void {
    this.#send({ Type: "container", Action: action, Actor: { ID: id, Attributes: { image: "busybox" } } });
  }

  sendNetwork(action: string, network: string, container?: string): void {
    const Attributes = {
      name: this.networks.get(network)?.Name ?? "",
      type: "bridge",
      ...(container && { container }),
    };
    this.#send({ Type: "network", Action: action, Actor: { ID: network, Attributes } });
  }

  /** @param networkName undefined as with podman 4.3.1, which does not say */
  sendPodmanNetwork(action: string, networkName: string | undefined, container: string): void {
    const Attributes = networkName === undefined ? {} : { network: networkName };
    this.#send({ Type: "network", Action: action, Actor: { ID: container, Attributes } });
  }

  #send(event: object): void {
    this.sent += this.#streams.size;
    this.sendRaw(eventLine(event, this.now()));
  }

  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, version, path = ""] = /^(?:\/v(\d+\.\d+))?(\/.*)$/.exec(request.url ?? "") ?? [];
    const call = `${request.method} ${path}`;
    this.calls.push(call.replace(/\?.*/, ""));
    if (version !== undefined) this.versions.push(version);
    const isCounted = !path.startsWith("/events");
    this.pending += isCounted ? 1 : 0;
    response.once("close", () => (this.pending -= isCounted ? 1 : 0));
    const gate = this.#gates.find(({ pattern }) => pattern.test(call));
    const early = gate?.madeAtOnce ? this.#make(call, version) : undefined;
    if (gate) {
      gate.reached += 1;
      await gate.opened;
    }
    const answer = early ?? this.#make(call, version);
    if (answer === "hang") return;
    if (answer === "hang-up") return void request.socket.destroy();
    if (answer === "events") return this.#subscribe(path, response);
    const [status, body] = answer;
    response.writeHead(status, { "Content-Type": "application/json" }).end(body);
  }

  #subscribe(path: string, response: ServerResponse): void {
    this.subscriptions.push(new URL(path, "http://docker").searchParams);
    response.writeHead(200, { "Content-Type": "application/json" });
    // podman's head comes with the first event.
    if (this.flavour === "docker") response.flushHeaders();
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
    for (const line of this.replay) response.write(line);
  }

  #make(call: string, version: string | undefined): readonly [number, string] | "hang" | "hang-up" | "events" {
    const fault = this.fault?.(call);
    if (fault) return fault;
    if (call === "GET /version") {
      const Components = [{ Name: this.flavour === "podman" ? "Podman Engine" : "Engine", Version: "4.3.1" }];
      return ok({ ApiVersion: this.apiVersion, MinAPIVersion: this.minApiVersion, Components });
    }
    if (version !== undefined && !this.#speaks(version))
      return [400, JSON.stringify({ message: `client version ${version}` })];
    if (call.startsWith("GET /events?")) return "events";
    return this.#state(call);
  }

  #state(call: string): readonly [number, string] {
    if (call === "GET /networks") return ok([...this.networks.values()].map((given) => this.#summary(given)));
    if (call.startsWith("GET /containers/json?")) return ok(this.#list(call));
    const [, kind, id = ""] = /^GET \/(networks|containers)\/([^/]+)/.exec(call) ?? [];
    return kind === "networks" ? this.#network(id) : this.#container(id);
  }

  /** As `docker ps` does: those that run. */
  #list(call: string): readonly object[] {
    const { label = [] } = JSON.parse(new URL(call.slice(4), "http://docker").searchParams.get("filters") ?? "{}");
    const bears = ({ Labels }: FakeContainer): boolean =>
      label.every((name: string) => Object.hasOwn(Labels ?? {}, name));
    const listed = [...this.containers.values()].filter((one) => one.Running && bears(one));
    return listed.map(({ Id, Name, Labels }) => ({ Id, Names: [Name], Labels, State: "running" }));
  }

  #speaks(version: string): boolean {
    const minor = (text: string): number => Number(text.split(".")[1]);
    return minor(version) <= minor(this.apiVersion) && minor(version) >= minor(this.minApiVersion);
  }

  #summary({ Containers: _, Options, ...network }: FakeNetwork): object {
    return this.flavour === "podman"
      ? { ...network, Options: {} }
      : { ...network, Options, Scope: "local", Containers: {} };
  }

  #network(id: string): readonly [number, string] {
    const network = this.networks.get(id) ?? [...this.networks.values()].find(({ Name }) => Name === id);
    if (!network) return [404, JSON.stringify({ message: "network not found" })];
    return ok({ ...this.#summary(network), Containers: Object.fromEntries(network.Containers) });
  }

  #container(idOrName: string): readonly [number, string] {
    const named = [...this.containers.values()].find(({ Name }) => Name === `/${idOrName}`);
    const container = this.containers.get(idOrName) ?? named;
    if (!container) return [404, JSON.stringify({ message: "No such container" })];
    const { Id, Name, Running, Pid, StartedAt, Labels, Env } = container;
    const podman = this.flavour === "podman";
    const Image = `${podman ? "" : "sha256:"}${"b".repeat(64)}`;
    const details = { Id, Name, Image, State: { Running, Pid, StartedAt }, Config: { Labels, Env, Image: "busybox" } };
    return ok({
      ...details,
      Name: podman ? Name.slice(1) : Name,
      HostConfig: { NetworkMode: container.NetworkMode, UsernsMode: "host" },
      NetworkSettings: { Networks: this.#attachments(Id) },
    });
  }

  /** Docker leaves docker_gwbridge out; podman 4 gives a network's name as its id. */
  #attachments(id: string): object {
    const on = [...this.networks.values()].filter(
      ({ Name, Containers }) => Name !== "docker_gwbridge" && Containers.has(id),
    );
    return Object.fromEntries(
      on.map(({ Id, Name, Containers }) => {
        const { IPv4Address = "", IPv6Address = "", MacAddress = "" } = Containers.get(id) ?? {};
        const NetworkID = this.flavour === "podman" ? Name : Id;
        const addresses = { IPAddress: bare(IPv4Address), GlobalIPv6Address: bare(IPv6Address) };
        return [Name, { NetworkID, MacAddress, ...addresses }];
      }),
    );
  }
}

const ok = (body: object): readonly [number, string] => [200, JSON.stringify(body)];
const bare = (address: string): string => address.replace(/\/.*/, "");

/** As the Engine writes one: since API 1.52 without status, id and from. */
export const eventLine = (event: object, nowMs: number): string =>
  `${JSON.stringify({ ...event, scope: "local", time: Math.floor(nowMs / 1000), timeNano: Math.floor(nowMs * 1_000_000) })}\n`;
