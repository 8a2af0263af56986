import { z } from "zod";
import {
  accountId,
  cgroup,
  dockerEndpoint,
  httpUrl,
  interfaceName,
  listen,
  metadataPaths,
  oneOf,
  text,
  userRange,
} from "./option-values.ts";
import { roleRules } from "./role-rules-schema.ts";
import {
  MAX_SESSION_SECONDS,
  roleReference,
  sessionPolicy,
  sessionSeconds,
  sessionTags,
  sessionTemplate,
  transitiveTags,
} from "./session-schema.ts";

/** How an option is written where only text can be: in the environment and on the command line. */
export type OptionKind = "text" | "number" | "switch" | "json";

export interface Option {
  readonly kind: OptionKind;
  /** What stands behind the flag in --help, e.g. "HOST:PORT"; none for a switch. */
  readonly argument?: string;
  readonly help: string;
  readonly schema: z.ZodType;
  /** A change of it takes effect with the next start only, not with a reload. */
  readonly needsRestart: boolean;
}

type Described = Omit<Option, "schema" | "needsRestart"> & Partial<Pick<Option, "needsRestart">>;

const check = <T extends z.ZodType>(schema: T, of: Described): Option & { readonly schema: T } => ({
  needsRestart: false,
  ...of,
  schema,
});

const DEFAULT_LISTEN = "[::]:9254";
const INSTANCE_ID_ERROR = "must be an id like i-0123456789abcdef0";

/** Every setting: its type, its default, its check and its line in --help. The one list of them there is. */
export const OPTIONS = {
  listen: check(listen.prefault(DEFAULT_LISTEN), {
    kind: "text",
    needsRestart: true,
    argument: "ADDRESS:PORT",
    help: "where the metadata service listens; containers reach it only through the interception",
  }),
  dockerEndpoint: check(dockerEndpoint.default("unix:///var/run/docker.sock"), {
    kind: "text",
    needsRestart: true,
    argument: "URL",
    help: "the Docker Engine that knows the containers",
  }),
  metadataUrl: check(httpUrl("http://169.254.169.254").default("http://169.254.169.254"), {
    kind: "text",
    needsRestart: true,
    argument: "URL",
    help: "the real instance metadata service",
  }),
  stsEndpoint: check(httpUrl("https://sts.eu-west-1.amazonaws.com").optional(), {
    kind: "text",
    argument: "URL",
    help: "the STS endpoint (default: the region's own)",
  }),
  region: check(
    text("must be a region like eu-west-1")
      .regex(/^[a-z]{2,}(-[a-z]+)+-\d+$/, { error: "must be a region like eu-west-1" })
      .optional(),
    {
      kind: "text",
      argument: "REGION",
      help: "the region whose STS is called (default: the host's, from its metadata)",
    },
  ),
  interception: check(oneOf("nftables", "iptables", "none").default("nftables"), {
    kind: "text",
    needsRestart: true,
    argument: "HOW",
    help: "nftables: bring the containers' metadata traffic here; iptables: the same where nftables is not to be had, protecting less; none: you route it here yourself",
  }),
  guardedUplinks: check(z.array(interfaceName, "must be a list of network interfaces").default([]), {
    kind: "json",
    needsRestart: true,
    argument: "JSON",
    help: 'interfaces by which only the host\'s own programs may reach the metadata service, against macvlan and ipvlan containers: ["eth0"]',
  }),
  defaultRole: check(roleReference.optional(), {
    kind: "text",
    argument: "ROLE",
    help: "for containers that name no role (default: they have none)",
  }),
  defaultAccountId: check(accountId.optional(), {
    kind: "text",
    argument: "ACCOUNT",
    help: "the account of roles written without one (default: the host's, from its metadata)",
  }),
  accounts: check(z.record(z.string(), accountId, { error: "must map names to accounts" }).default({}), {
    kind: "json",
    argument: "JSON",
    help: 'names for accounts, as in reader@prod: {"prod": "444455556666"}',
  }),
  roleRules: check(roleRules.default([]), {
    kind: "json",
    argument: "JSON",
    help: "which containers may have which roles; the first rule that is for a container decides (default: any role)",
  }),
  roleMapFile: check(text("must be an absolute path").regex(/^\//, { error: "must be an absolute path" }).optional(), {
    kind: "text",
    needsRestart: true,
    argument: "FILE",
    help: "addresses and their roles, for workloads that no engine knows: YAML or JSON, read again when it changes",
  }),
  defaultPolicy: check(sessionPolicy.optional(), {
    kind: "text",
    argument: "JSON",
    help: "an inline policy for containers that name neither a role nor a policy: it limits the sessions of their default role",
  }),
  sessionName: check(sessionTemplate.default("{container.name}-{container.id}"), {
    kind: "text",
    argument: "TEMPLATE",
    help: "the name of each session, as CloudTrail shows it; of {container.name}, {container.id}, {image}, {label:NAME}, {env:NAME}, {host}",
  }),
  sessionSeconds: check(sessionSeconds.default(MAX_SESSION_SECONDS), {
    kind: "number",
    argument: "SECONDS",
    help: "how long each session lasts",
  }),
  sessionTags: check(sessionTags.default({}), {
    kind: "json",
    argument: "JSON",
    help: 'tags of each session, each a template as sessionName is: {"team": "{label:team}"}',
  }),
  transitiveTags: check(transitiveTags.default([]), {
    kind: "json",
    argument: "JSON",
    help: 'tags that stay when the session assumes another role: ["team"]',
  }),
  metadataTokens: check(oneOf("required", "optional").default("required"), {
    kind: "text",
    argument: "WHETHER",
    help: "required: IMDSv2 only; optional: version 1 as well, for clients too old to ask for a token",
  }),
  metadataPaths: check(metadataPaths.prefault({}), {
    kind: "json",
    argument: "JSON",
    help: 'what containers may read of the host\'s metadata besides the usual, or not: {"allow": ["user-data"], "deny": ["meta-data/spot"]}',
  }),
  containerCredentials: check(oneOf("open", "token", "off").default("open"), {
    kind: "text",
    argument: "WHETHER",
    help: "open: containers may ask 169.254.170.2 and .23 for container credentials; token: only with their own AWS_CONTAINER_AUTHORIZATION_TOKEN; off: there is no such endpoint",
  }),
  hostNetwork: check(oneOf("refuse", "host", "identify").default("refuse"), {
    kind: "text",
    needsRestart: true,
    argument: "HOW",
    help: "containers on the host's own network: refuse: they get nothing; identify: each its own role; host: they have the instance's role",
  }),
  containerCgroups: check(
    z
      .array(cgroup, "must be a list of cgroups")
      .min(1, { error: "must name a cgroup, or set hostNetwork: host" })
      .default(["docker", "docker.slice", "libpod_parent", "machine.slice"]),
    {
      kind: "json",
      needsRestart: true,
      argument: "JSON",
      help: 'the cgroups in which engines make those of their containers, by which hostNetwork knows them: ["docker.slice"]',
    },
  ),
  refusedUsers: check(z.array(userRange, "must be a list of users").default([]), {
    kind: "json",
    needsRestart: true,
    argument: "JSON",
    help: 'users whose processes are kept from the real metadata service, by number, e.g. for rootless engines: ["1000-59999"]',
  }),
  runtimeDirectory: check(
    text("must be an absolute path").regex(/^\//, { error: "must be an absolute path" }).default("/run/taskrole"),
    {
      kind: "text",
      needsRestart: true,
      argument: "DIR",
      help: "holds the key of the metadata tokens, what `interception status` is told and the admin socket; in memory (tmpfs), so never on a disk",
    },
  ),
  adminSocket: check(text("must be an absolute path").regex(/^\//, { error: "must be an absolute path" }).optional(), {
    kind: "text",
    needsRestart: true,
    argument: "PATH",
    help: "the unix socket of `taskrole reload`, for its owner and its group (default: admin.sock in the runtimeDirectory)",
  }),
  compat: check(oneOf("metadataproxy", "ec2metaproxy", "iam-docker").optional(), {
    kind: "text",
    needsRestart: true,
    argument: "TOOL",
    help: "take over from metadataproxy, ec2metaproxy or iam-docker: its variables, flags and labels are read as well",
  }),
  mock: check(z.boolean({ error: "must be true or false" }).default(false), {
    kind: "switch",
    needsRestart: true,
    help: "answer from the built-in mock of EC2 and STS: for a laptop, without AWS",
  }),
  mockInstanceId: check(
    text(INSTANCE_ID_ERROR)
      .regex(/^i-[\w.-]{1,64}$/, { error: INSTANCE_ID_ERROR })
      .optional(),
    {
      kind: "text",
      needsRestart: true,
      argument: "ID",
      help: "the id of the mock's instance",
    },
  ),
  logLevel: check(oneOf("debug", "info", "warn", "error").default("info"), {
    kind: "text",
    argument: "LEVEL",
    help: "debug adds a line per request",
  }),
  logFormat: check(oneOf("json", "text").default("json"), {
    kind: "text",
    needsRestart: true,
    argument: "FORMAT",
    help: "json: a JSON object per line; text: for people",
  }),
} as const;

export type OptionName = keyof typeof OPTIONS;

/** Every setting with its value: merged, checked, frozen. */
export type Config = { readonly [Name in OptionName]: z.output<(typeof OPTIONS)[Name]["schema"]> };

export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

/** sessionSeconds -> session-seconds */
export const flagOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** sessionSeconds -> TASKROLE_SESSION_SECONDS */
export const environmentOf = (name: string): string => `TASKROLE_${flagOf(name).replaceAll("-", "_").toUpperCase()}`;

/** As an operator would write what holds without him; undefined where nothing does. */
export const writtenDefault = (name: OptionName): unknown =>
  name === "listen" ? DEFAULT_LISTEN : OPTIONS[name].schema.safeParse(undefined).data;
