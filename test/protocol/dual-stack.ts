import assert from "node:assert/strict";
import { runHostProgram } from "../../src/kernel/host-programs.ts";
import type { FakeEngine } from "../docker/fake-engine.ts";
import { bytesOf, exchange, type Request } from "./exchange.ts";
import { NOBODY, WORKLOADS } from "./protocol-host.ts";
import { type Exchange, ROWS, type TokensSetting } from "./table.ts";
import { type Family, openVenue, type Venue } from "./venue.ts";

/**
 * A program that makes the network namespace it was started in a host of both families, asks it every request of the
 * table over each, and prints what came back: one JSON object. For `unshare -n`.
 */
export interface Findings {
  /** Each request's two answers, head and body as they came. */
  readonly pairs: readonly Pair[];
  readonly hosts: readonly HostFinding[];
  /** From link-local addresses: one that no network has in a subnet, one that a container of a network claims. */
  readonly strangers: readonly LinkLocalFinding[];
  readonly claimedLinkLocal: readonly LinkLocalFinding[];
}

export interface Pair {
  readonly title: string;
  readonly exchange: Exchange;
  readonly tokens: TokensSetting;
  readonly over4: string;
  readonly over6: string;
}

export interface HostFinding {
  readonly host: string | null;
  readonly version: string;
  readonly answer: string;
}

export interface LinkLocalFinding {
  readonly request: string;
  readonly answer: string;
}

const SERVICE = { IPv4: "169.254.169.254", IPv6: "fd00:ec2::254" };
const STRANGER = "fe80:1::254";
const CLAIMED = "fe80::254";
const PORTS: Readonly<Record<TokensSetting, number>> = { required: 80, optional: 8080 };
const HOSTS = [
  null,
  "[fd00:ec2::254]",
  "fd00:ec2::254",
  "[fd00:ec2::254]:80",
  "[FD00:EC2::254]",
  "169.254.169.254",
  "[fd00:ec2::255]",
  "[fd00:ec2::254]evil",
  "[fd00:ec2::254",
  "fd00:ec2::254:evil.example",
  "evil.example",
];

async function ip(...args: readonly string[]): Promise<void> {
  const outcome = await runHostProgram(["ip", ...args]);
  assert.ok(outcome.kind === "exited" && outcome.code === 0, JSON.stringify(outcome));
}

async function ownAddresses(): Promise<void> {
  await ip("link", "set", "lo", "up");
  await ip("address", "add", `${SERVICE.IPv4}/32`, "dev", "lo");
  const own = [
    SERVICE.IPv6,
    STRANGER,
    CLAIMED,
    NOBODY.address6,
    ...Object.values(WORKLOADS).map(({ address6 }) => address6),
  ];
  for (const address of own) await ip("address", "add", `${address}/128`, "dev", "lo", "nodad");
}

/** Asked again when a second has passed in between: some documents tell the time. */
async function pairOf(venue: Venue, exchange: Exchange): Promise<Pick<Pair, "over4" | "over6">> {
  for (let tries = 0; ; tries += 1) {
    const [over4, over6] = await Promise.all([wholeOf(venue, exchange, "IPv4"), wholeOf(venue, exchange, "IPv6")]);
    if (tries === 5 || dateless(over4) === dateless(over6)) return { over4, over6 };
  }
}

async function wholeOf(venue: Venue, exchange: Exchange, family: Family): Promise<string> {
  const { interim, head, body } = await venue.ask(exchange, family);
  return interim + head + body;
}

const dateless = (answer: string): string => answer.replace(/\r\nDate: [^\r]*/, "");

async function pairsOf(tokens: TokensSetting, venue: Venue): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  for (const row of ROWS) {
    if (row.tokens !== undefined && row.tokens !== tokens) continue;
    const { title, exchanges } = row;
    pairs.push(
      ...(await Promise.all(
        exchanges.map(async (exchange) => ({ title, exchange, tokens, ...(await pairOf(venue, exchange)) })),
      )),
    );
  }
  return pairs;
}

const RAW: Request = { target: "/latest/meta-data/instance-id", fields: [["Connection", "close"]] };

async function hostFindings(): Promise<readonly HostFinding[]> {
  const ends = { from: WORKLOADS.web.address6, to: SERVICE.IPv6, port: PORTS.optional };
  const cases = HOSTS.flatMap((host) => (["1.0", "1.1"] as const).map((version) => ({ host, version })));
  return Promise.all(
    cases.map(async ({ host, version }) => ({
      host,
      version,
      answer: await exchange(ends, bytesOf({ ...RAW, host, version }), false),
    })),
  );
}

/** From an address that says nothing about who asks: every link has one like it. */
async function linkLocalFindings(address: string): Promise<readonly LinkLocalFinding[]> {
  const ends = { from: `${address}%lo`, to: `${address}%lo`, port: PORTS.optional };
  const requests: readonly Request[] = [
    RAW,
    { target: "/latest/meta-data/iam/security-credentials/" },
    { target: "/latest/meta-data/iam/security-credentials/web" },
    { method: "PUT", target: "/latest/api/token", fields: [["X-aws-ec2-metadata-token-ttl-seconds", "60"]] },
  ];
  return Promise.all(
    requests.map(async (request) => ({
      request: `${request.method ?? "GET"} ${request.target}`,
      answer: await exchange(ends, bytesOf(request), false),
    })),
  );
}

/** A network may be given such a subnet; the address is still not the only one of its kind on the host. */
function claimLinkLocal(engine: FakeEngine): void {
  const network = engine.addNetwork({ name: "link-local", subnets: ["fe80::/64"] });
  engine.run({ network, ip6: `${CLAIMED}/64`, name: "on-a-link", labels: { "taskrole.role": "web" } });
}

await ownAddresses();
await using stack = new AsyncDisposableStack();
const pairs = await Promise.all(
  (["required", "optional"] as const).map(async (tokens) => {
    const venue = await openVenue({ tokens, service: SERVICE, flags: { listen: `[::]:${PORTS[tokens]}` } });
    stack.use(venue.host);
    claimLinkLocal(venue.host.engine);
    return pairsOf(tokens, venue);
  }),
);
const findings: Findings = {
  pairs: pairs.flat(),
  hosts: await hostFindings(),
  strangers: await linkLocalFindings(STRANGER),
  claimedLinkLocal: await linkLocalFindings(CLAIMED),
};
process.stdout.write(JSON.stringify(findings));
