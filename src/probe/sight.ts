import { z } from "zod";
import { sleep } from "../kit/sleep.ts";
import { type Answer, ask, type Destination } from "./exchange.ts";
import { steal } from "./theft.ts";

const Seen = z.union([z.object({ status: z.number(), body: z.string() }), z.object({ error: z.string() })]);

/**
 * What a container saw of its metadata service, to be told outside. The metadata token and the secret parts of the
 * credentials stay in the container.
 */
export const Sight = z.object({
  /** The answer to the request for a metadata token, without the token. */
  token: Seen,
  /** The roles' names, asked with that token and without one. */
  listing: Seen,
  listingWithoutToken: Seen,
  /** Of the role that was listed. */
  credentials: z.object({ code: z.string(), accessKeyId: z.string(), expiration: z.string() }).optional(),
  /** Of every attempt at the host's credentials; undefined where nothing answered. */
  theft: z.object({ attempts: z.number(), accessKeyIds: z.array(z.string()) }).optional(),
});
export type Sight = z.infer<typeof Sight>;

/** Over both families: an SDK uses IPv6 only when it is told to, a thief need not be told. */
export const Sights = Sight.extend({ over6: Sight });
export type Sights = z.infer<typeof Sights>;

const ROLES = "/latest/meta-data/iam/security-credentials/";
const MAX_SHOWN = 200;
/** "Not known yet", "STS has not answered": a client asks again, and so does this one. */
const NOT_YET = 503;
const PATIENCE_MS = 15_000;
const BETWEEN_MS = 200;

/** Looks as an AWS SDK would, without a token as well, and then as a thief. */
export async function look(to: Destination, hostRoleName: string): Promise<Sight> {
  const token = await patiently(() => askToken(to));
  const headers = tokenHeader(token);
  const listing = await patiently(() => ask(to, { path: ROLES, headers }));
  const listingWithoutToken = await ask(to, { path: ROLES });
  const role = roleIn(listing);
  const credentials = role === "" ? undefined : await patiently(() => ask(to, { path: ROLES + role, headers }));
  const theft = "error" in token ? undefined : await steal({ ...to, hostRoleName });
  return {
    token: "error" in token ? token : { status: token.status, body: "" },
    listing: shown(listing),
    listingWithoutToken: shown(listingWithoutToken),
    ...(credentials && { credentials: credentialsIn(credentials) }),
    ...(theft && { theft: { attempts: theft.attempts, accessKeyIds: [...theft.accessKeyIds] } }),
  };
}

export const askToken = (to: Destination): Promise<Answer> =>
  ask(to, {
    method: "PUT",
    path: "/latest/api/token",
    headers: { "X-aws-ec2-metadata-token-ttl-seconds": "60", "Content-Length": "0" },
  });

export const askRoles = (to: Destination, token: Answer): Promise<Answer> =>
  ask(to, { path: ROLES, headers: tokenHeader(token) });

/** "" where none is listed. */
export const roleIn = (listing: Answer): string =>
  "status" in listing && listing.status === 200 ? listing.body.trim() : "";

const tokenHeader = (token: Answer): Readonly<Record<string, string>> =>
  "status" in token && token.status === 200 ? { "X-aws-ec2-metadata-token": token.body } : {};

async function patiently(question: () => Promise<Answer>): Promise<Answer> {
  for (let waited = 0; ; waited += BETWEEN_MS) {
    const answer = await question();
    if (!("status" in answer) || answer.status !== NOT_YET || waited >= PATIENCE_MS) return answer;
    await sleep(BETWEEN_MS);
  }
}

/** An error page is said by its status alone. */
const shown = (answer: Answer): Answer =>
  "error" in answer
    ? answer
    : { status: answer.status, body: answer.status === 200 ? answer.body.trim().slice(0, MAX_SHOWN) : "" };

function credentialsIn(answer: Answer): { code: string; accessKeyId: string; expiration: string } {
  if ("error" in answer) return { code: answer.error, accessKeyId: "", expiration: "" };
  const { Code = `status ${answer.status}`, AccessKeyId = "", Expiration = "" } = fieldsOf(answer.body);
  return { code: String(Code), accessKeyId: String(AccessKeyId), expiration: String(Expiration) };
}

function fieldsOf(text: string): {
  readonly Code?: unknown;
  readonly AccessKeyId?: unknown;
  readonly Expiration?: unknown;
} {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
