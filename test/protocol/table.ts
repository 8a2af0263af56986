import { CREDENTIALS, SIX_HOURS, TOKEN_PATH, TTL } from "./caller.ts";
import type { Field, Request } from "./exchange.ts";
import { ODD_ROLE, type WorkloadName } from "./protocol-host.ts";

/**
 * The service's answers, request by request, as data: the table's own test asks over IPv4, and the test of both
 * families asks the same over IPv6.
 */
export interface Row {
  readonly title: string;
  /** The daemon's setting. Default: both must answer so. */
  readonly tokens?: TokensSetting;
  readonly exchanges: readonly Exchange[];
}

export type TokensSetting = "required" | "optional";

export interface Exchange {
  readonly from: WorkloadName | "nobody";
  readonly request: Request;
  /** Whose token goes along: `own` is the asking workload's. A text goes as it is. Undefined: no field. */
  readonly token?: "own" | "of worker" | "expired" | { readonly text: string };
  readonly status: number;
  /** Whole, or what it must match. */
  readonly body?: string | RegExp;
  /** By lower-case name; null: must not be there. */
  readonly fields?: Readonly<Record<string, string | RegExp | null>>;
}

type More = Partial<Omit<Exchange, "status">> & { readonly ask?: Omit<Request, "target"> };

const exchange = (target: string, status: number, { ask, ...more }: More): Exchange => ({
  from: "web",
  request: { target, ...ask },
  status,
  ...more,
});

/** With the asking workload's own token. */
const get = (target: string, status: number, more: More = {}): Exchange =>
  exchange(target, status, { token: "own", ...more });

const tokenless = (target: string, status: number, more: More = {}): Exchange => exchange(target, status, more);

/** For a token. */
const put = (fields: readonly Field[], status: number, { ask, ...more }: More = {}): Exchange =>
  exchange(TOKEN_PATH, status, { ask: { method: "PUT", fields, ...ask }, ...more });

const putAt = (target: string, status: number): Exchange =>
  exchange(target, status, { ask: { method: "PUT", fields: LIFE } });

const LIFE: readonly Field[] = [[TTL, SIX_HOURS]];
const VERSIONS = (
  "1.0 2007-01-19 2007-03-01 2007-08-29 2007-10-10 2007-12-15 2008-02-01 2008-09-01 2009-04-04 2011-01-01 2011-05-01 " +
  "2012-01-12 2014-02-25 2014-11-05 2015-10-20 2016-04-19 2016-06-30 2016-09-02 2018-03-28 2018-08-17 2018-09-24 " +
  "2019-10-01 2020-10-27 2021-01-03 2021-03-23 2021-07-15 2022-07-09 2022-09-24 2024-04-11 latest"
).replaceAll(" ", "\n");

const BASE64 = /^[A-Za-z0-9+/=_-]{20,120}$/;
const TEXT = { "content-type": "text/plain", connection: null };
const SECONDS_LEFT = { [TTL.toLowerCase()]: /^21(?:5\d\d|600)$/ };
const UTC = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;

/** Seven keys in the real service's layout; nothing after the brace. */
const CREDENTIALS_DOCUMENT = new RegExp(
  String.raw`^\{\n  "Code" : "Success",\n  "LastUpdated" : "${UTC}",\n  "Type" : "AWS-HMAC",\n` +
    String.raw`  "AccessKeyId" : "ASIA[A-Z2-7]{16}",\n  "SecretAccessKey" : "[A-Za-z0-9+/]{40}",\n` +
    String.raw`  "Token" : "[A-Za-z0-9+/=]+",\n  "Expiration" : "${UTC}"\n\}$`,
);
const DENIED_DOCUMENT = new RegExp(
  String.raw`^\{\n  "Code" : "AssumeRoleUnauthorizedAccess",\n  "Message" : "[^"\\]+",\n  "LastUpdated" : "${UTC}"\n\}$`,
);
const IAM_INFO = new RegExp(
  String.raw`^\{\n  "Code" : "Success",\n  "LastUpdated" : "${UTC}",\n` +
    String.raw`  "InstanceProfileArn" : "arn:aws:iam::111122223333:instance-profile/web",\n` +
    String.raw`  "InstanceProfileId" : "AIPA[A-Z0-9]{17}"\n\}$`,
);

const DIRECTORIES: readonly (readonly [path: string, listing: string])[] = [
  ["/latest/dynamic", "fws/\ninstance-identity/"],
  ["/latest/dynamic/instance-identity", "document"],
  ["/2021-03-23/dynamic/instance-identity", "document"],
  ["/latest/meta-data/iam", "info\nsecurity-credentials/"],
  ["/latest/meta-data/placement", "availability-zone\navailability-zone-id\nregion"],
  ["/latest/meta-data/services", "domain\npartition"],
  ["/1.0/meta-data/events", "maintenance/\nrecommendations/"],
];

const LEAVES: readonly (readonly [path: string, body: string | RegExp])[] = [
  ["/latest/meta-data/placement/availability-zone", "eu-west-1a"],
  ["/latest/meta-data/placement/region", "eu-west-1"],
  ["/latest/meta-data/instance-id", "i-0123456789abcdef0"],
  ["/latest/meta-data/instance-type", "t3.micro"],
  ["/latest/meta-data/local-ipv4", "172.31.16.42"],
  ["/latest/meta-data/ami-id", "ami-0123456789abcdef0"],
  ["/latest/meta-data/hostname", "ip-172-31-16-42.eu-west-1.compute.internal"],
  ["/latest/meta-data/mac", "02:00:00:ac:1f:10"],
  ["/latest/dynamic/instance-identity/document", /"region" : "eu-west-1"/],
];

const BAD_TOKENS: readonly NonNullable<Exchange["token"]>[] = [
  { text: "bogus" },
  { text: "" },
  { text: `${"A".repeat(54)}==` },
  { text: "AQAAAA==".repeat(1000) },
  "of worker",
  "expired",
];

const BLOCKED_OR_UNKNOWN = [
  "/latest/nowhere",
  "/nowhere",
  "/Latest/meta-data/instance-id",
  "/2099-01-01/meta-data/instance-id",
  "/latest/meta-data/Instance-Id",
  "/latest/meta-data/instance-id/below",
  "/latest/meta-data/security-groups",
  "/latest/meta-data/managed-ssh-keys/signer-cert",
  "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
  "/latest/meta-data/iam/security-credentials-extended/",
  "/latest/dynamic/instance-identity/pkcs7",
];

export const ROWS: readonly Row[] = [
  {
    title: "R1: GET / lists the versions that both sides know, latest last, without a line feed at the end",
    exchanges: [get("/", 200, { body: VERSIONS, fields: { ...TEXT, ...SECONDS_LEFT } })],
  },
  {
    title: "R2: GET / with a bad token is 401 whether tokens are required or not: fluent-bit looks for it",
    exchanges: BAD_TOKENS.map((token) => exchange("/", 401, { token })),
  },
  {
    title: "R3: a version lists dynamic and meta-data; user-data is blocked, so it is left out",
    exchanges: ["/latest", "/latest/", "/1.0", "/2021-03-23/"].map((target) =>
      get(target, 200, { body: "dynamic\nmeta-data", fields: TEXT }),
    ),
  },
  {
    title: "R4: PUT for 1 to 21600 seconds is a token with the seconds beside it, in each form that clients send",
    exchanges: [
      ...["1", "10", "60", "300", "600", "3600", "21600"].map((seconds) =>
        put([[TTL, seconds]], 200, { body: BASE64, fields: { ...TEXT, [TTL.toLowerCase()]: seconds } }),
      ),
      put([...LIFE, ["Content-Length", "0"]], 200, { body: BASE64 }),
      put([...LIFE, ["Content-Type", "application/x-www-form-urlencoded"], ["Content-Length", "0"]], 200, {
        body: BASE64,
      }),
      put([...LIFE, ["Content-Length", "9"]], 200, { ask: { body: "ignored=1" }, body: BASE64 }),
      put([...LIFE, ["Transfer-Encoding", "chunked"], ["Expect", "100-continue"]], 200, {
        ask: { body: "0\r\n\r\n" },
        body: BASE64,
      }),
    ],
  },
  {
    title: "R5: a lifetime that is missing, 0, above 21600, negative or no whole number is 400",
    exchanges: [
      put([], 400),
      ...["", "0", "00", "21601", "99999", "999999999999", "-1", "+5", "abc", "1.5", "1e3", "0x10", "1 2", "60,60"].map(
        (seconds) => put([[TTL, seconds]], 400),
      ),
      put([...LIFE, ...LIFE], 400),
    ],
  },
  {
    title: "R6: with X-Forwarded-For, whatever it says, there is no token: 403; other proxy fields mean nothing",
    exchanges: [
      ...["X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR"].flatMap((name) =>
        ["1.2.3.4", "", "unknown, 10.0.0.1"].map((value) => put([...LIFE, [name, value]], 403)),
      ),
      ...["Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"].map((name) =>
        put([...LIFE, [name, "10.0.0.1"]], 200, { body: BASE64 }),
      ),
    ],
  },
  {
    title: "R7: PUT for a token under a dated version is 403: tokens are made under latest alone",
    exchanges: ["/2021-03-23/api/token", "/1.0/api/token"].map((target) => putAt(target, 403)),
  },
  {
    title: "R8: GET of the token path is 405 and says PUT, with a token and without",
    exchanges: [
      get(TOKEN_PATH, 405, { fields: { allow: "PUT" } }),
      tokenless(TOKEN_PATH, 405, { fields: { allow: "PUT" } }),
      tokenless(TOKEN_PATH, 405, { ask: { method: "HEAD" }, fields: { allow: "PUT" } }),
    ],
  },
  {
    title: "R9: GET with a good token is answered, with the token's seconds left where there is something",
    exchanges: [
      get("/latest/meta-data/instance-id", 200, { body: "i-0123456789abcdef0", fields: { ...TEXT, ...SECONDS_LEFT } }),
      get("/latest/meta-data/nothing-here", 404),
    ],
  },
  {
    title: "R10: a token that is malformed, expired or another workload's is 401, also where none is needed",
    exchanges: BAD_TOKENS.flatMap((token) =>
      ["/latest/meta-data/instance-id", `${CREDENTIALS}web`, "/latest/nowhere"].map((target) =>
        exchange(target, 401, { token }),
      ),
    ),
  },
  {
    title: "R11: without a token, where one is required, every path is 401",
    tokens: "required",
    exchanges: ["/", "/latest/meta-data/", CREDENTIALS, `${CREDENTIALS}web`, "/latest/user-data", "/nowhere"].map(
      (target) => tokenless(target, 401),
    ),
  },
  {
    title: "R12: without a token, where none is required, GET is answered, and says no seconds",
    tokens: "optional",
    exchanges: [
      tokenless("/latest/meta-data/instance-id", 200, { body: "i-0123456789abcdef0" }),
      tokenless(CREDENTIALS, 200, { body: "web", fields: { ...TEXT, [TTL.toLowerCase()]: null } }),
      tokenless(`${CREDENTIALS}web`, 200, { body: CREDENTIALS_DOCUMENT }),
    ],
  },
  {
    title: "R13: meta-data lists what the workload may fetch, slash or none; iam/ only where there is a role",
    exchanges: ["/latest/meta-data", "/latest/meta-data/", "/2009-04-04/meta-data", "/1.0/meta-data/"].flatMap(
      (target) => [
        get(target, 200, { body: /^ami-id\n(?:[a-z0-9-]+\/?\n)*iam\/\n(?:[a-z0-9-]+\/?\n)*system$/, fields: TEXT }),
        get(target, 200, { from: "plain", body: /^ami-id\n(?:(?!iam\/)[a-z0-9-]+\/?\n)*system$/ }),
      ],
    ),
  },
  {
    title: "R14: a directory without its slash is its listing, as on Nitro, and never a redirect",
    exchanges: DIRECTORIES.flatMap(([path, body]) => [get(path, 200, { body }), get(`${path}/`, 200, { body })]),
  },
  {
    title: "R15: a leaf with a slash is the leaf",
    exchanges: LEAVES.flatMap(([path, body]) => [get(path, 200, { body }), get(`${path}/`, 200, { body })]),
  },
  {
    title: "R16: security-credentials is the role's name and nothing else; without a role it is 404, and iam/ with it",
    exchanges: [CREDENTIALS, CREDENTIALS.slice(0, -1), "/1.0/meta-data/iam/security-credentials"].flatMap((target) => [
      get(target, 200, { body: "web", fields: TEXT }),
      get(target, 200, { from: "worker", body: "worker" }),
      get(target, 404, { from: "plain" }),
      get("/latest/meta-data/iam/", 404, { from: "plain" }),
      get("/latest/meta-data/iam/info", 404, { from: "plain" }),
    ]),
  },
  {
    title: "R17: the credentials of the workload's own role, by its name however encoded; any other name is 404",
    exchanges: [
      get(`${CREDENTIALS}web`, 200, { body: CREDENTIALS_DOCUMENT, fields: TEXT }),
      get(`${CREDENTIALS}web/`, 200, { body: CREDENTIALS_DOCUMENT }),
      get(`${CREDENTIALS}%77eb`, 200, { body: CREDENTIALS_DOCUMENT }),
      get(CREDENTIALS + ODD_ROLE, 200, { from: "odd", body: CREDENTIALS_DOCUMENT }),
      get(CREDENTIALS + encodeURIComponent(ODD_ROLE), 200, { from: "odd", body: CREDENTIALS_DOCUMENT }),
      ...["Web", "WEB", "worker", "web/x", "we", "web%20", "%2577eb", "host-execution-role", "team/worker"].map(
        (name) => get(CREDENTIALS + name, 404),
      ),
    ],
  },
  {
    title: "R18: credentials that cannot be had for the moment are 503",
    exchanges: [get(`${CREDENTIALS}cut`, 503, { from: "cut" }), get(CREDENTIALS, 200, { from: "cut", body: "cut" })],
  },
  {
    title: "R19: credentials that STS refuses are a document that says so, with status 200 and no key in it",
    exchanges: [get(`${CREDENTIALS}denied`, 200, { from: "denied", body: DENIED_DOCUMENT, fields: TEXT })],
  },
  {
    title: "R20: iam/info is made for the workload's own role, and has no Message",
    exchanges: [
      get("/latest/meta-data/iam/info", 200, { body: IAM_INFO, fields: TEXT }),
      get("/latest/meta-data/iam/info/", 200, { body: IAM_INFO }),
    ],
  },
  {
    title: "R21: user-data, which the host has, is 404: it may hold the host's secrets",
    exchanges: ["/latest/user-data", "/latest/user-data/", "/2021-03-23/user-data"].map((target) => get(target, 404)),
  },
  {
    title: "R22: the instance identity document is the host's",
    exchanges: ["/latest/dynamic/instance-identity/document", "/2021-03-23/dynamic/instance-identity/document"].map(
      (target) =>
        get(target, 200, {
          body: /^\{\n {2}"accountId" : "111122223333",\n[^}]*"region" : "eu-west-1",/,
          fields: TEXT,
        }),
    ),
  },
  {
    title: "R23: leaves that this host does not have are 404, neither 403 nor 500",
    exchanges: [
      "/latest/meta-data/spot/nothing",
      "/latest/meta-data/events/recommendations/other",
      "/latest/meta-data/autoscaling/other",
      "/latest/meta-data/public-ipv4",
      "/latest/meta-data/ipv6",
      "/latest/meta-data/kernel-id",
      "/latest/meta-data/product-codes",
    ].map((target) => get(target, 404)),
  },
  {
    title: "R24: what is unknown is 404, and so is what is blocked",
    exchanges: BLOCKED_OR_UNKNOWN.map((target) => get(target, 404)),
  },
  {
    title: "R25: HEAD is GET without the body: its status, its fields, its Content-Length",
    exchanges: [
      get(CREDENTIALS, 200, { ask: { method: "HEAD" }, body: "", fields: { ...TEXT, "content-length": "3" } }),
      get("/latest/meta-data/instance-id", 200, { ask: { method: "HEAD" }, fields: { "content-length": "19" } }),
      get("/latest/user-data", 404, { ask: { method: "HEAD" }, fields: { "content-length": /^3\d\d$/ } }),
      tokenless("/", 401, { ask: { method: "HEAD" }, token: { text: "bogus" } }),
    ],
  },
  {
    title: "R26: other methods are 405, with those that there are, whatever the path",
    exchanges: ["OPTIONS", "POST", "DELETE", "PATCH", "TRACE"].flatMap((method) =>
      ["/latest/meta-data/", TOKEN_PATH, `${CREDENTIALS}web`].map((target) =>
        tokenless(target, 405, { ask: { method }, fields: { allow: "GET, HEAD, PUT" } }),
      ),
    ),
  },
  {
    title: "R27: PUT on any other path is 404, as on Firecracker",
    exchanges: ["/", "/latest/meta-data/", `${CREDENTIALS}web`, "/latest/api", "/latest/api/token/x", "/api/token"].map(
      (target) => putAt(target, 404),
    ),
  },
  {
    title:
      "R28: Expect: 100-continue is told to continue, where the real service says 417; any other expectation is 400",
    exchanges: [
      put([...LIFE, ["Content-Length", "1"], ["Expect", "100-continue"]], 200, { ask: { body: "x" }, body: BASE64 }),
      put([...LIFE, ["Expect", "the-unexpected"]], 400),
    ],
  },
  {
    title:
      "R29: nobody is throttled: sixty requests at a time are sixty answers (beyond 64 connections the idlest closes)",
    exchanges: Array.from({ length: 30 }).flatMap(() => [
      put(LIFE, 200, { body: BASE64 }),
      get(`${CREDENTIALS}web`, 200, { body: CREDENTIALS_DOCUMENT }),
    ]),
  },
  {
    title: "R30: to an address that is no workload's everything is 403, PUT and GET, token or none",
    exchanges: [
      put(LIFE, 403, { from: "nobody" }),
      ...["/", "/latest/meta-data/instance-id", CREDENTIALS, `${CREDENTIALS}web`].flatMap((target) => [
        tokenless(target, 403, { from: "nobody" }),
        exchange(target, 403, { from: "nobody", token: "of worker" }),
      ]),
    ],
  },
];
