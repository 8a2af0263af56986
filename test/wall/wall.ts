import assert from "node:assert/strict";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import fc from "fast-check";
import { startMockEc2 } from "../../src/mock-ec2/mock-ec2.ts";
import { instanceFrom } from "../../src/mock-ec2/world.ts";
import { type Host, type HostContainer, startHost } from "../support/host.ts";
import { type Attempt, attempts, bytesOf, mayKeep, type Sender } from "./attempts.ts";
import { GenerousUpstream } from "./generous-upstream.ts";
import { CANONICAL_TARGET, HOST_ROLE, TARGETS_OF_THE_DAEMON, TOKEN_REQUEST, UPSTREAM_TOKEN } from "./host-documents.ts";
import { type Answered, Judge, type Keys, type Kind } from "./judgement.ts";
import { type Address, type Exchanged, RawConnection } from "./raw-exchange.ts";

/** A workload, or nobody, at an address from which the cases are sent. */
interface Peer extends Sender, Answered {
  readonly at: Address;
  /** Connections that an answer left open. */
  readonly kept: RawConnection[];
}

export interface WallOptions {
  readonly metadataTokens: "optional" | "required";
  /** Default: a free port of loopback. */
  readonly listen?: string;
  /** The addresses at which it is asked; default: loopback. */
  readonly destinations?: readonly string[];
}

export interface RunOptions {
  readonly seed: number;
  readonly cases: number;
}

export interface WallReport {
  readonly seed: number;
  readonly cases: number;
  readonly seconds: number;
  /** How many answers were what. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** An SDK waits no longer. */
const ANSWER_MS = 5_000;
const BATCH = 500;
const AT_ONCE = 24;
const KEPT_PER_PEER = 6;
const MAX_TRIES = 10;
const SECONDS_OF_A_TOKEN = 21_600;

const ROLES: Readonly<Record<string, string>> = {
  red: "role-of-red",
  green: "team/role-of-green",
  blue: "role-of-blue",
  grey: "arn:aws:iam::444455556666:role/deep/path/role-of-grey",
};
const ROLELESS = "roleless";
const nameOf = (role: string): string => role.slice(role.lastIndexOf("/") + 1);

const containers = (): Record<string, HostContainer> =>
  Object.fromEntries(
    [...Object.keys(ROLES), ROLELESS].map((name, i) => {
      const role = ROLES[name];
      const labels = role === undefined ? {} : { "taskrole.role": role };
      return [name, { address: `127.50.0.${i + 2}`, address6: `fd00:50::${i + 2}`, labels }];
    }),
  );
/** In no subnet of the Engine's: whoever is in one may be about to become a container, and is held for a while. */
const NOBODY = { address: "127.60.9.9", address6: "fd00:60::9:9" };

/** Every address from which the wall is tried, for whoever must bring them to be. */
export const IPV6_ADDRESSES: readonly string[] = [...Object.values(containers()), NOBODY].flatMap(
  ({ address6 }) => address6 ?? [],
);

/** The whole program in front of an upstream that gives everything away. */
export class Wall implements AsyncDisposable {
  readonly host: Host;
  readonly upstream: GenerousUpstream;
  readonly #judge: Judge;
  readonly #peers: readonly Peer[];
  readonly #roles: readonly string[];
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    host: Host;
    upstream: GenerousUpstream;
    judge: Judge;
    peers: readonly Peer[];
    resources: AsyncDisposableStack;
  }) {
    this.host = parts.host;
    this.upstream = parts.upstream;
    this.#judge = parts.judge;
    this.#peers = parts.peers;
    this.#roles = parts.peers.flatMap(({ role }) => role ?? []);
    this.#resources = parts.resources;
  }

  static async open({
    metadataTokens,
    listen = "127.0.0.1:0",
    destinations = ["127.0.0.1"],
  }: WallOptions): Promise<Wall> {
    await using resources = new AsyncDisposableStack();
    const world = { instance: instanceFrom({ role: HOST_ROLE }), hostMayAssume: ["*"], users: [] };
    const ec2 = { seed: `wall ${process.pid}`, world };
    const source = await startMockEc2(ec2);
    resources.defer(() => source.close());
    const hostCredentials = async (): Promise<string> =>
      (await fetch(`${source.metadataUrl}/latest/meta-data/iam/security-credentials/${HOST_ROLE}`)).text();
    const upstream = await new GenerousUpstream(hostCredentials).listen();
    resources.defer(() => upstream.close());
    const flags = { listen, "metadata-url": upstream.url, "metadata-tokens": metadataTokens };
    const host = resources.use(await startHost({ containers: containers(), flags, ec2 }));
    const judge = new Judge({ metadataTokens, roleOfKeys: (keys) => roleOf(keys, host.ec2.stsUrl) });
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(await hostCredentials());
    for (const secret of [AccessKeyId, SecretAccessKey, Token]) judge.guard(secret);
    const peers = await peersAt(host.port, destinations);
    return new Wall({ host, upstream, judge, peers, resources: resources.move() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { kept } of this.#peers) for (const connection of kept) connection.close();
    await this.#resources.disposeAsync();
  }

  /** @throws Error with the seed and the smallest case, when one gets through */
  async run({ seed, cases }: RunOptions): Promise<WallReport> {
    const kinds: Record<string, number> = {};
    const start = performance.now();
    for (let done = 0; done < cases; done += BATCH) {
      const batch = { seed: seed + done, numRuns: Math.min(BATCH, cases - done) };
      const waiting = fc.sample(attempts(this.#roles), batch).values();
      const worker = async (): Promise<void> => {
        for (const attempt of waiting)
          for (const kind of await this.#try(attempt)) kinds[kind] = (kinds[kind] ?? 0) + 1;
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker)).catch((error: unknown) =>
        this.#fail(seed, batch, error),
      );
    }
    return { seed, cases, seconds: Math.round((performance.now() - start) / 100) / 10, kinds };
  }

  /** A plain request of the first workload's, as its SDK would send it. */
  async ask(target: string): Promise<string> {
    const [peer] = this.#peers;
    assert.ok(peer);
    const request = `GET ${target} HTTP/1.1\r\nX-aws-ec2-metadata-token: ${peer.ownToken}\r\n\r\n`;
    return bodyOf(request, peer.at);
  }

  /** Its log holds no credentials and no tokens: not the host's, not a workload's. */
  assertLogHoldsNoSecret(): void {
    const { stdout, stderr } = this.host.taskrole;
    for (const text of [stdout, stderr]) {
      this.#judge.assertNoSecretIn(text);
      for (const { ownToken } of this.#peers) assert.ok(!text.includes(ownToken), "it holds a metadata token");
    }
  }

  /** What was asked of the upstream in another way than it may be: each a line that says what and how. */
  strangersUpstream(): readonly string[] {
    return [...this.upstream.asked.values()].flatMap(({ requestLine, fields, after }) => {
      const [, request = requestLine, target = ""] = /^((?:GET|PUT) (\S+)) HTTP\/1\.1$/.exec(requestLine) ?? [];
      const expected = request === TOKEN_REQUEST ? this.#tokenFields() : this.#documentFields();
      const given = fields.map((field) => field.replace(/^[^:]*/, (name) => name.toLowerCase())).sort();
      const isKnown =
        request === TOKEN_REQUEST ||
        TARGETS_OF_THE_DAEMON.has(request) ||
        (request.startsWith("GET ") && CANONICAL_TARGET.test(target));
      if (isKnown && after === "" && JSON.stringify(given) === JSON.stringify(expected)) return [];
      return [JSON.stringify({ requestLine, given, after })];
    });
  }

  #documentFields(): readonly string[] {
    return ["connection: close", this.#hostField(), `x-aws-ec2-metadata-token: ${UPSTREAM_TOKEN}`];
  }

  #tokenFields(): readonly string[] {
    const seconds = `x-aws-ec2-metadata-token-ttl-seconds: ${SECONDS_OF_A_TOKEN}`;
    return ["connection: close", "content-length: 0", this.#hostField(), seconds];
  }

  #hostField(): string {
    return `host: ${this.upstream.url.slice("http://".length)}`;
  }

  /** Runs the batch again, one case after the other, and makes the case that fails smaller. */
  async #fail(seed: number, batch: { seed: number; numRuns: number }, cause: unknown): Promise<never> {
    const again = `WALL_SEED=${seed}: `;
    await fc
      .assert(
        fc.asyncProperty(attempts(this.#roles), async (attempt) => {
          await this.#try(attempt);
        }),
        { ...batch, interruptAfterTimeLimit: 60_000, includeErrorInReport: true },
      )
      .catch((error: unknown) => {
        throw new Error(`${again}${String(error instanceof Error ? error.message : error)}`, { cause });
      });
    throw new Error(`${again}it failed among others, and did not fail alone`, { cause });
  }

  async #try(attempt: Attempt): Promise<readonly Kind[]> {
    const peer = this.#peers[attempt.peer % this.#peers.length];
    assert.ok(peer);
    const bytes = bytesOf(attempt, peer);
    const exchanged = mayKeep(attempt) ? await onKept(peer, bytes, attempt) : await onItsOwn(peer, bytes, attempt);
    try {
      return await this.#judge.judge(attempt, peer, exchanged);
    } catch (error) {
      const seen = { from: peer.at.from, to: peer.at.host, sent: bytes, received: exchanged.received };
      throw new Error(`${String(error instanceof Error ? error.message : error)}\n${JSON.stringify(seen, null, 1)}`);
    }
  }
}

const mannerOf = ({ method, target }: Attempt) => ({
  mayLackBody: `${method}${target}`.includes("HEAD"),
  withinMs: ANSWER_MS,
});

async function onKept(peer: Peer, bytes: string, attempt: Attempt): Promise<Exchanged> {
  const connection = peer.kept.pop() ?? new RawConnection(peer.at);
  const exchanged = await connection.exchange(bytes, mannerOf(attempt));
  if (connection.isOpen && exchanged.fault === undefined && peer.kept.length < KEPT_PER_PEER)
    peer.kept.push(connection);
  else connection.close();
  return exchanged;
}

const onItsOwn = (peer: Peer, bytes: string, attempt: Attempt): Promise<Exchanged> =>
  new RawConnection(peer.at).lastExchange(
    attempt.delivery === "in pieces" ? piecesOf(bytes) : [bytes],
    mannerOf(attempt),
  );

/** At places that depend on the bytes alone. */
function piecesOf(bytes: string): readonly string[] {
  const first = (bytes.length * 7) % 31;
  const second = first + ((bytes.length * 13) % Math.max(1, bytes.length - first));
  return [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)].filter((piece) => piece !== "");
}

/** Whoever has a role comes first. */
async function peersAt(port: number, destinations: readonly string[]): Promise<readonly Peer[]> {
  const workloads = (await Promise.all(destinations.map((host) => workloadsAt(port, host)))).flat();
  const { ownToken = "", foreignToken = "" } = workloads[0] ?? {};
  const nobodies = destinations.map((host): Peer => {
    const at = { host, port, from: sourceFor(host, NOBODY) };
    return { at, is: "nobody", ownToken, foreignToken, kept: [] };
  });
  return [
    ...workloads.filter(({ role }) => role !== undefined),
    ...workloads.filter(({ role }) => role === undefined),
    ...nobodies,
  ];
}

async function workloadsAt(port: number, host: string): Promise<readonly Peer[]> {
  const places = Object.entries(containers()).map(([name, container]) => {
    return { name, at: { host, port, from: sourceFor(host, container) } };
  });
  const tokens = await Promise.all(places.map(({ at }) => tokenAt(at)));
  return places.map(({ name, at }, i) => {
    const [ownToken = "", foreignToken = ""] = [tokens[i], tokens[(i + 1) % tokens.length]];
    const role = ROLES[name];
    return { at, is: "workload", ...(role !== undefined && { role: nameOf(role) }), ownToken, foreignToken, kept: [] };
  });
}

const sourceFor = (host: string, { address, address6 = "" }: HostContainer): string =>
  host.includes(":") ? address6 : address;

function tokenAt(at: Address): Promise<string> {
  const request = `PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: ${SECONDS_OF_A_TOKEN}\r\n\r\n`;
  return bodyOf(request, at);
}

/** Of a request that must be served, if not at once. */
async function bodyOf(request: string, at: Address): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const manner = { mayLackBody: false, withinMs: ANSWER_MS };
    const { answers, fault } = await new RawConnection(at).lastExchange([request], manner);
    const { status, body } = answers[0] ?? {};
    if (status === 200 && body !== undefined) return body;
    assert.ok(status === 503 && tries < MAX_TRIES, `${request}: ${fault ?? status}`);
  }
}

/** @returns the name of the role, as STS says it */
async function roleOf(credentials: Keys, endpoint: string): Promise<string> {
  const sts = new STSClient({ endpoint, region: "us-east-1", credentials });
  const { Arn = "" } = await sts.send(new GetCallerIdentityCommand({}));
  sts.destroy();
  return /:assumed-role\/([^/]+)\//.exec(Arn)?.[1] ?? Arn;
}
