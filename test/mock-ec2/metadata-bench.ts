import { HostCredentials } from "../../src/mock-ec2/host-credentials.ts";
import type { MockAnswer } from "../../src/mock-ec2/http-exchange.ts";
import { type MetadataMode, MetadataService } from "../../src/mock-ec2/metadata-service.ts";
import { MetadataTokens } from "../../src/mock-ec2/metadata-token.ts";
import { SessionKeys } from "../../src/mock-ec2/session-keys.ts";
import type { World } from "../../src/mock-ec2/world.ts";
import { NOON, worldOf } from "./sts-bench.ts";

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** One metadata service on a clock the test turns by hand. */
export function metadataBench(parts: { mode?: MetadataMode; world?: World } = {}) {
  const { mode = "v1-and-v2", world = worldOf() } = parts;
  let now = NOON;
  const clock = () => now;
  const credentials = new HostCredentials({ keys: new SessionKeys("seed"), now: clock, lifetimeMs: 6 * 3_600_000 });
  const tokens = new MetadataTokens("seed");
  const service = new MetadataService({ world: () => world, mode, tokens, credentials, now: clock, launchedAt: NOON });
  const send = (method: string, target: string, headers: Headers = {}): MockAnswer => {
    const fields = Object.entries(headers).map(([name, value]) => [name, [value].flat()] as const);
    return service.answer({ method, target, headers: new Map(fields), body: new Uint8Array() });
  };
  const get = (target: string, headers: Headers = {}): MockAnswer => send("GET", target, headers);
  const put = (target: string, headers: Headers = {}): MockAnswer => send("PUT", target, headers);
  const token = (seconds = 60): string =>
    put("/latest/api/token", { "x-aws-ec2-metadata-token-ttl-seconds": String(seconds) }).body;
  const turnTo = (at: number): void => {
    now = at;
  };
  return { send, get, put, token, turnTo };
}

export const headerOf = ({ headers }: MockAnswer, name: string): string | undefined =>
  headers.find(([given]) => given.toLowerCase() === name.toLowerCase())?.[1];
