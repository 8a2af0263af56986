import { setTimeout as sleep } from "node:timers/promises";
import { Caller, TOKEN } from "./caller.ts";
import type { Reply, Request } from "./exchange.ts";
import { NOBODY, type ProtocolHost, type ProtocolHostOptions, startProtocolHost, WORKLOADS } from "./protocol-host.ts";
import type { Exchange, TokensSetting } from "./table.ts";

export type Family = "IPv4" | "IPv6";

/** Where the service is asked at. */
export type ServiceAddresses = Readonly<Partial<Record<Family, string>>>;

/** A host that the table's requests are asked of. */
export interface Venue {
  readonly host: ProtocolHost;
  ask(exchange: Exchange, family?: Family): Promise<Reply>;
}

export interface VenueOptions extends ProtocolHostOptions {
  readonly tokens: TokensSetting;
  readonly service?: ServiceAddresses;
}

const PEERS = { ...WORKLOADS, nobody: NOBODY };

export async function openVenue({ tokens, service = { IPv4: "127.0.0.1" }, ...more }: VenueOptions): Promise<Venue> {
  const host = await startProtocolHost({ ...more, flags: { "metadata-tokens": tokens, ...more.flags } });
  const callerOf = (name: Exchange["from"], family: Family): Caller => {
    const { address, address6 } = PEERS[name];
    const from = family === "IPv4" ? address : address6;
    return new Caller({ from, to: service[family] ?? "", port: host.port });
  };
  const tokenOf = Object.fromEntries(
    await Promise.all(
      Object.keys(WORKLOADS).map(async (name) => [name, await callerOf(name as Exchange["from"], "IPv4").newToken()]),
    ),
  ) as Readonly<Record<Exchange["from"], string>>;
  const expired = await callerOf("web", "IPv4").newToken("1");
  await sleep(1_100);
  const textOf = ({ from, token }: Exchange): string | undefined => {
    if (typeof token === "object") return token.text;
    if (token === "own") return tokenOf[from];
    return token === undefined ? undefined : { "of worker": tokenOf.worker, expired }[token];
  };
  return {
    host,
    ask(exchange, family = "IPv4") {
      const caller = callerOf(exchange.from, family);
      const request = withToken(exchange.request, textOf(exchange));
      return exchange.status === 503 ? caller.ask(request) : caller.askPatiently(request);
    },
  };
}

const withToken = (request: Request, token: string | undefined): Request =>
  token === undefined ? request : { ...request, fields: [...(request.fields ?? []), [TOKEN, token]] };
