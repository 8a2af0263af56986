import { z } from "zod";
import { parsePathPattern } from "../core/path-pattern.ts";
import { neverShown } from "../core/path-policy.ts";
import { parseEndpoint } from "../docker/engine-endpoint.ts";

/* What may stand in a setting: each check says what must be there, never what was. */

export const text = (error: string) => z.string({ error });
export const httpUrl = (example: string) =>
  text(`must be an http:// or https:// address like ${example}`)
    .regex(/^https?:\/\/[^/?#\s]+\/?$/, {
      error: `must be an http:// or https:// address like ${example}, without a path`,
    })
    .transform((url) => url.replace(/\/$/, ""));
const TWELVE_DIGITS = "must be the twelve digits of an AWS account, in quotes so that YAML does not read a number";
export const accountId = text(TWELVE_DIGITS).regex(/^\d{12}$/, { error: TWELVE_DIGITS });

const LISTEN = /^(?<host>\[[0-9a-fA-F:.]+\]|[0-9.]+):(?<port>\d{1,5})$/;
const LISTEN_ERROR = 'must be ADDRESS:PORT, e.g. "[::]:9254" or "127.0.0.1:9254"';

export const listen = text(LISTEN_ERROR).transform((value, context) => {
  const { host, port } = LISTEN.exec(value)?.groups ?? {};
  if (host !== undefined && Number(port) <= 65_535) return { host: host.replace(/[[\]]/g, ""), port: Number(port) };
  context.addIssue({ code: "custom", message: LISTEN_ERROR });
  return z.NEVER;
});

export const dockerEndpoint = text("must be unix:///PATH or tcp://HOST:PORT").superRefine((value, context) => {
  const parsed = parseEndpoint(value);
  if (parsed.kind === "bad-endpoint") context.addIssue({ code: "custom", message: `is no endpoint: ${parsed.reason}` });
});

const path = text('must be a path like "meta-data/placement"').superRefine((value, context) => {
  const parsed = parsePathPattern(value);
  if ("kind" in parsed) context.addIssue({ code: "custom", message: `is no path of the metadata: ${parsed.reason}` });
});

const openedPath = path.superRefine((value, context) => {
  const parsed = parsePathPattern(value);
  const never = "kind" in parsed ? undefined : neverShown(parsed.segments);
  if (never !== undefined)
    context.addIssue({ code: "custom", message: `cannot be opened by any setting: it is ${never}` });
});

export const metadataPaths = z.strictObject(
  {
    allow: z.array(openedPath, "must be a list of paths").default([]),
    deny: z.array(path, "must be a list of paths").default([]),
  },
  'must have "allow" or "deny" or both, each a list of paths',
);

/** https://github.com/torvalds/linux/blob/v6.1/net/core/dev.c#L1036, less what no program names an uplink with. */
export const interfaceName = text("must be a network interface like eth0").regex(/^[A-Za-z0-9_][\w.-]{0,14}$/, {
  error: "must be a network interface like eth0",
});

export const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, { error: `must be one of ${values.join(", ")}` });

const CGROUP_ERROR = 'must be a cgroup, from the root of cgroup 2 and without a slash before it, like "docker.slice"';
/** nft keeps 128 bytes of a rule's comment, which names the cgroup. */
export const cgroup = text(CGROUP_ERROR)
  .max(50, { error: `${CGROUP_ERROR}, of 50 characters at most` })
  .regex(/^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w.@:-]+(?:\/[\w.@:-]+)*$/, { error: CGROUP_ERROR });

const USERS_ERROR = 'must be the numbers of users, "1000-59999" or "1000", and not the host\'s own root (0)';
const LAST_USER = 4_294_967_294;
export const userRange = text(USERS_ERROR).transform((value, context) => {
  const [, first, last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(value) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (from > 0 && from <= to && to <= LAST_USER) return { from, to };
  context.addIssue({ code: "custom", message: USERS_ERROR });
  return z.NEVER;
});
