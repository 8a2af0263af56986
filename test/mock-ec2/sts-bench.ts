import type { Credentials, EpochMs } from "../../src/core/credentials.ts";
import { HostCredentials } from "../../src/mock-ec2/host-credentials.ts";
import type { MockAnswer, MockRequest } from "../../src/mock-ec2/http-exchange.ts";
import { SessionKeys } from "../../src/mock-ec2/session-keys.ts";
import { signatureOf } from "../../src/mock-ec2/signature.ts";
import { basicTime } from "../../src/mock-ec2/sts-error.ts";
import { Sts } from "../../src/mock-ec2/sts-service.ts";
import { instanceFrom, openWorld, type World } from "../../src/mock-ec2/world.ts";

/** 2030-01-02T03:04:05Z */
export const NOON: EpochMs = Date.UTC(2030, 0, 2, 3, 4, 5);
export const HOST_ROLE = "arn:aws:iam::111122223333:role/fleet/host";
export const HOST_SESSION = "arn:aws:sts::111122223333:assumed-role/host/i-0123456789abcdef0";
export const WEB_ROLE = "arn:aws:iam::111122223333:role/containers/web";

/** The open world, but with a role that has a path. */
export const worldOf = (parts: Partial<World> = {}): World => ({
  ...openWorld(),
  instance: instanceFrom({ role: "fleet/host" }),
  ...parts,
});

export interface Signing {
  readonly keys: Pick<Credentials, "accessKeyId" | "secretAccessKey"> & { readonly sessionToken?: string };
  readonly at?: EpochMs;
  readonly region?: string;
  readonly service?: string;
  readonly signedHeaders?: readonly string[];
}

/** A POST as the SDKs send it, signed. */
export function signedPost(form: Readonly<Record<string, string>>, signing: Signing): MockRequest {
  const { keys, at = NOON, region = "us-east-1", service = "sts" } = signing;
  const signedAt = basicTime(at);
  const date = signedAt.slice(0, 8);
  const headers = new Map<string, string[]>([
    ["content-type", ["application/x-www-form-urlencoded"]],
    ["host", ["127.0.0.1:1339"]],
    ["x-amz-date", [signedAt]],
    ...(keys.sessionToken === undefined ? [] : [["x-amz-security-token", [keys.sessionToken]] as [string, string[]]]),
  ]);
  const body = Buffer.from(new URLSearchParams({ Version: "2011-06-15", ...form }).toString());
  const request: MockRequest = { method: "POST", target: "/", headers, body };
  const signedHeaders = signing.signedHeaders ?? [...headers.keys()];
  const signature = signatureOf(keys.secretAccessKey, request, { date, region, service, signedHeaders, signedAt });
  const credential = `${keys.accessKeyId}/${date}/${region}/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
  return { ...request, headers: new Map([...headers, ["authorization", [authorization]]]) };
}

export const withHeader = (request: MockRequest, name: string, value: string): MockRequest => ({
  ...request,
  headers: new Map([...request.headers, [name, [value]]]),
});

/** One STS on a clock the test turns by hand, and the host's keys for it. */
export function stsBench(world: World = worldOf()) {
  let now = NOON;
  let calls = 0;
  const clock = () => now;
  const keys = new SessionKeys("seed");
  const credentials = new HostCredentials({ keys, now: clock, lifetimeMs: 6 * 3_600_000 });
  const sts = new Sts({
    world: () => world,
    keys,
    now: clock,
    entropy: () => Buffer.from(`call ${++calls}`),
    requestId: () => "01234567-89ab-cdef-0123-456789abcdef",
  });
  const hostKeys = () => credentials.ofProfile(world.instance);
  const call = (form: Readonly<Record<string, string>>, signing: Partial<Signing> = {}): MockAnswer =>
    sts.answer(signedPost(form, { keys: hostKeys(), at: now, ...signing }));
  const assume = (form: Readonly<Record<string, string>>, signing: Partial<Signing> = {}): MockAnswer =>
    call({ Action: "AssumeRole", RoleArn: WEB_ROLE, RoleSessionName: "web-1", ...form }, signing);
  const turnTo = (at: EpochMs): void => {
    now = at;
  };
  return { sts, keys, credentials, hostKeys, call, assume, turnTo };
}

export const textOf = ({ body }: MockAnswer, element: string): string | undefined =>
  new RegExp(`<${element}>([^<]*)</${element}>`).exec(body)?.[1];

/** The keys in an AssumeRole answer. */
export const keysIn = (answer: MockAnswer) => ({
  accessKeyId: textOf(answer, "AccessKeyId") ?? "",
  secretAccessKey: textOf(answer, "SecretAccessKey") ?? "",
  sessionToken: textOf(answer, "SessionToken") ?? "",
});
