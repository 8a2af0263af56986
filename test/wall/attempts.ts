import fc from "fast-check";
import { allowedTarget, guardedTarget, legalTarget, MARK, type Owed } from "./spellings.ts";

const TOKENS = ["own", "none", "foreign", "garbage", "empty", "twice", "altered", "folded"] as const;
const DELIVERIES = ["alone", "kept", "after an innocent", "in pieces"] as const;

/** One case: everything about a request but who sends it and what its token is made of. */
export interface Attempt {
  /** Modulo their number. */
  readonly peer: number;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: readonly string[];
  readonly token: (typeof TOKENS)[number];
  readonly body: string;
  readonly delivery: (typeof DELIVERIES)[number];
  /** What must be answered, where the request is one that every client may send. */
  readonly owed?: Owed;
}

/** Who sends, from where, and with which tokens. */
export interface Sender {
  readonly ownToken: string;
  readonly foreignToken: string;
}

const METHODS = [
  ...["HEAD", "HEAD", "PUT", "POST", "OPTIONS", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "PURGE", "SEARCH"],
  ...[
    "get",
    "Get",
    "gET",
    "head",
    "put",
    "GETT",
    "G",
    "",
    " GET",
    "GET\t",
    "\0GET",
    "GET GET",
    "M-SEARCH",
    "PRI",
    MARK,
  ],
];
const VERSIONS = [
  "HTTP/1.0",
  "HTTP/0.9",
  "HTTP/2.0",
  "HTTP/1.2",
  "http/1.1",
  "HTTP/1.1 ",
  "HTTP/1.",
  "",
  MARK,
  "HTTP/1.1\t",
];

const HOSTS = [
  ...[
    "169.254.169.254",
    "169.254.169.254:80",
    "[fd00:ec2::254]",
    "[fd00:ec2::254]:80",
    "fd00:ec2::254",
    "instance-data",
  ],
  ...[
    "127.0.0.1",
    "localhost",
    "",
    "evil.example",
    `${MARK}.example`,
    "169.254.169.254.evil.example",
    "[::1]",
    "169.254.169.254\t",
  ],
  ...[
    "169.254.169.254/latest/user-data",
    "169.254.169.254, evil",
    "2852039166",
    "169.254.169.254:80:80",
    "user@169.254.169.254",
  ],
];
const PATHS = ["/latest/user-data", "/latest/meta-data/iam/security-credentials/", `/latest/${MARK}`];
const ODD_FIELDS = [
  ...PATHS.flatMap((path) => [
    `X-Original-URL: ${path}`,
    `X-Rewrite-URL: ${path}`,
    `X-Forwarded-Uri: ${path}`,
    `Referer: ${path}`,
  ]),
  ...["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For:", "X-Forwarded-Host: 169.254.169.254", `Forwarded: for=${MARK}`],
  ...[
    "X-Real-IP: 127.50.0.2",
    "True-Client-IP: 127.50.0.3",
    "X-Forwarded-Prefix: /latest",
    "Via: 1.1 proxy",
    "Max-Forwards: 0",
  ],
  ...[
    "X-HTTP-Method-Override: PUT",
    "X-HTTP-Method: GET",
    "X-Method-Override: GET",
    "Range: bytes=0-3",
    "If-None-Match: *",
  ],
  ...[
    "Connection: keep-alive",
    "Connection: close",
    "Connection: X-aws-ec2-metadata-token",
    "Connection: upgrade",
    "Upgrade: h2c",
  ],
  ...[
    "X-aws-ec2-metadata-token-ttl-seconds: 60",
    "X-aws-ec2-metadata-token-ttl-seconds: 99999999",
    "Metadata-Flavor: Google",
  ],
  ...[
    "Accept: application/json",
    "Accept-Encoding: gzip",
    `Cookie: ${MARK}`,
    `Authorization: Bearer ${MARK}`,
    `${MARK}: ${MARK}`,
  ],
  ...[
    "X-Aws-Ec2-Metadata-Token : x",
    "Host : evil",
    " folded: x",
    "No-Colon",
    ": x",
    "A: \x01",
    "A: \xff",
    "A: b\0",
    "Expect: nothing",
  ],
  ...[
    "Proxy-Connection: keep-alive",
    "TE: trailers",
    "Trailer: Host",
    "Origin: http://evil.example",
    "Destination: /latest/user-data",
  ],
];

const mostly = (usual: string, odd: readonly string[], weight: number): fc.Arbitrary<string> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });

const fields: fc.Arbitrary<readonly string[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(["Host: 169.254.169.254"]) },
  { weight: 1, arbitrary: fc.constant([]) },
  { weight: 2, arbitrary: fc.constantFrom(...HOSTS).map((host) => [`Host: ${host}`]) },
  { weight: 3, arbitrary: fc.constantFrom(...ODD_FIELDS).map((field) => ["Host: 169.254.169.254", field]) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...ODD_FIELDS), { maxLength: 5 }) },
);

/** From the blank line on, or with the fields that frame it. */
const BODIES = [
  `Content-Length: ${MARK.length}\r\n\r\n${MARK}`,
  "Content-Length: 0\r\n\r\n",
  `Transfer-Encoding: chunked\r\n\r\n8\r\n${MARK}\r\n0\r\n\r\n`,
  "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n",
  `Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /latest/user-data HTTP/1.1\r\n\r\n`,
  `Content-Length: 4\r\nContent-Length: 0\r\n\r\n${MARK}`,
  `Transfer-Encoding: chunked\r\n\r\n0\r\nHost: ${MARK}\r\n\r\n`,
];
const NO_BODY = "\r\n";

const token = fc.oneof(
  { weight: 7, arbitrary: fc.constant<Attempt["token"]>("own") },
  { weight: 4, arbitrary: fc.constantFrom(...TOKENS) },
);

const attack = (roles: readonly string[]): fc.Arbitrary<Attempt> =>
  fc.record({
    peer: fc.nat({ max: 63 }),
    method: mostly("GET", METHODS, 6),
    target: fc.oneof({ weight: 4, arbitrary: guardedTarget(roles) }, { weight: 1, arbitrary: allowedTarget }),
    version: mostly("HTTP/1.1", VERSIONS, 19),
    fields,
    token,
    body: mostly(NO_BODY, BODIES, 14),
    delivery: fc.constantFrom(...DELIVERIES),
  });

const legal = (peer: number, role: string): fc.Arbitrary<Attempt> =>
  fc.tuple(legalTarget(role), fc.constantFrom(...DELIVERIES)).map(([{ target, owed }, delivery]) => ({
    peer,
    method: "GET",
    target,
    version: "HTTP/1.1",
    fields: [`Host: ${hostOf(owed)}`],
    token: "own",
    body: NO_BODY,
    delivery,
    owed,
  }));

const hostOf = (owed: Owed): string => (owed === "container credentials" ? "169.254.170.2" : "169.254.169.254");

/**
 * One in eight is a request that must be served: the wall has doors, and they are tried along with it.
 *
 * @param roles by peer
 */
export const attempts = (roles: readonly string[]): fc.Arbitrary<Attempt> =>
  fc.oneof(
    { weight: 7, arbitrary: attack(roles) },
    { weight: 1, arbitrary: fc.nat({ max: roles.length - 1 }).chain((peer) => legal(peer, roles[peer] ?? "")) },
  );

/** What a workload may read at any time. */
const innocent = (ownToken: string): string =>
  `GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token: ${ownToken}\r\n\r\n`;

/** @returns what goes over the wire, latin1 */
export function bytesOf(attempt: Attempt, sender: Sender): string {
  const { method, target, version, fields, body, delivery } = attempt;
  const line = version === "" ? `${method} ${target}` : `${method} ${target} ${version}`;
  const head = [line, ...fields, ...tokenFields(attempt.token, sender)].map((text) => `${text}\r\n`).join("");
  return (delivery === "after an innocent" ? innocent(sender.ownToken) : "") + head + body;
}

function tokenFields(token: Attempt["token"], { ownToken, foreignToken }: Sender): readonly string[] {
  const field = (value: string): string => `X-aws-ec2-metadata-token: ${value}`;
  switch (token) {
    case "own":
      return [field(ownToken)];
    case "none":
      return [];
    case "foreign":
      return [field(foreignToken)];
    case "garbage":
      return [field(`${MARK}${MARK}`)];
    case "empty":
      return [field("")];
    case "twice":
      return [field(ownToken), field(ownToken)];
    case "altered":
      return [field(ownToken.replace(/.(?===$)/, (last) => (last === "A" ? "B" : "A")))];
    case "folded":
      return [field(ownToken), `\t${MARK}`];
  }
}

/** Whether a connection may be kept for the next attempt: only where it is certain what answers which. */
export const mayKeep = ({ delivery, method, target, version, fields, body }: Attempt): boolean =>
  delivery === "kept" && body === NO_BODY && !/[\r\n\0]/.test(method + target + version + fields.join(""));
