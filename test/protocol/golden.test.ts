import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { CREDENTIALS, TOKEN_PATH, TTL } from "./caller.ts";
import { crawl } from "./crawl.ts";
import type { Field, Reply } from "./exchange.ts";
import type { WorkloadName } from "./protocol-host.ts";
import type { Exchange } from "./table.ts";
import { openVenue } from "./venue.ts";

const venue = await openVenue({ tokens: "required" });
after(() => venue.host[Symbol.asyncDispose]());

/** A part that is different each time: it must be there once and look as it should; then its name takes its place. */
type Variable = readonly [name: string, form: RegExp];

const UTC = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
const textUnder = (key: string, form: string): RegExp => new RegExp(String.raw`(?<="${key}" ?: ?")${form}(?="[,\n}])`);

const DATE: Variable = ["DATE", /(?<=\r\nDate: )[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT(?=\r\n)/];
const SECONDS_LEFT: Variable = ["SECONDS-LEFT", new RegExp(String.raw`(?<=\r\n${TTL}: )21(?:5\d\d|600)(?=\r\n)`)];
const NEW_TOKEN: Variable = ["TOKEN", /(?<=\r\n\r\n)AQAAA[A-Za-z0-9+/]{49}==$/];
const LAST_UPDATED: Variable = ["TIME", textUnder("LastUpdated", UTC)];
const PENDING_TIME: Variable = ["TIME", textUnder("pendingTime", UTC)];
/** The parts of a session, by the same names in both documents that hold them. */
const SESSION: readonly Variable[] = [
  ["ACCESS-KEY-ID", textUnder("AccessKeyId", "ASIA[A-Z2-7]{16}")],
  ["SECRET-ACCESS-KEY", textUnder("SecretAccessKey", "[A-Za-z0-9+/]{40}")],
  ["SESSION-TOKEN", textUnder("Token", "[A-Za-z0-9+/]{300,1500}={0,2}")],
  ["TIME", textUnder("Expiration", UTC)],
];
const KEYS = [LAST_UPDATED, ...SESSION];

/** What is different each time below a version. */
const VARIABLE_PARTS: readonly (readonly [path: RegExp, parts: readonly Variable[]])[] = [
  [/\/security-credentials\/./, KEYS],
  [/\/iam\/info$/, [LAST_UPDATED]],
  [/\/instance-identity\/document$/, [PENDING_TIME]],
];

function withoutVariables({ interim, head, body }: Reply, more: readonly Variable[]): string {
  let text = interim + head + body;
  for (const [name, form] of [DATE, ...more]) {
    assert.match(text, form);
    text = text.replace(form, name);
  }
  return text;
}

/** Fails with what differs. To take over what the program says now: UPDATE_GOLDEN=1 node --test test/protocol/golden.test.ts */
function assertGolden(name: string, text: string): void {
  const file = new URL(`../golden/protocol/${name}.http`, import.meta.url);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text, "latin1");
  const golden = readFileSync(file, "latin1");
  if (text === golden) return;
  const hint = "if the new answer is right: UPDATE_GOLDEN=1 node --test test/protocol/golden.test.ts";
  assert.equal(JSON.stringify(text), JSON.stringify(golden), `test/golden/protocol/${name}.http: ${hint}`);
}

interface Document {
  readonly name: string;
  readonly target: string;
  readonly from?: WorkloadName | "nobody";
  /** What is special about the request, where several have one answer. */
  readonly says?: string;
  readonly method?: string;
  readonly host?: string;
  readonly version?: "1.0";
  readonly fields?: readonly Field[];
  /** Without a token, which else goes along. */
  readonly isTokenless?: true;
  readonly parts?: readonly Variable[];
}

const DOCUMENTS: readonly Document[] = [
  { name: "versions", target: "/" },
  { name: "latest", target: "/latest/" },
  { name: "latest-2009-04-04", target: "/2009-04-04" },
  { name: "dynamic", target: "/latest/dynamic/" },
  { name: "meta-data", target: "/latest/meta-data/" },
  { name: "meta-data-without-role", target: "/latest/meta-data/", from: "plain" },
  { name: "meta-data-head", target: "/latest/meta-data/", method: "HEAD" },
  { name: "meta-data-http-1.0", target: "/latest/meta-data/", version: "1.0" },
  {
    name: "meta-data-http-1.0-kept",
    target: "/latest/meta-data/",
    version: "1.0",
    fields: [["Connection", "keep-alive"]],
  },
  { name: "iam", target: "/latest/meta-data/iam/" },
  { name: "iam-info", target: "/latest/meta-data/iam/info", parts: [LAST_UPDATED] },
  { name: "security-credentials", target: CREDENTIALS },
  { name: "credentials", target: `${CREDENTIALS}web`, parts: KEYS },
  { name: "denied", target: `${CREDENTIALS}denied`, from: "denied", parts: [LAST_UPDATED] },
  {
    name: "token",
    target: TOKEN_PATH,
    method: "PUT",
    fields: [[TTL, "300"]],
    isTokenless: true,
    parts: [NEW_TOKEN],
  },
  { name: "identity-document", target: "/latest/dynamic/instance-identity/document", parts: [PENDING_TIME] },
  { name: "placement", target: "/latest/meta-data/placement/" },
  { name: "services", target: "/latest/meta-data/services/" },
  { name: "400", target: TOKEN_PATH, method: "PUT", fields: [[TTL, "0"]], isTokenless: true },
  { name: "401", target: "/latest/meta-data/", isTokenless: true },
  { name: "403", target: "/latest/meta-data/", from: "nobody", isTokenless: true },
  { name: "404", target: "/latest/user-data" },
  { name: "404-head", target: "/latest/user-data", method: "HEAD" },
  { name: "405", target: "/latest/meta-data/", method: "POST" },
  { name: "405-token", target: TOKEN_PATH },
  ...[
    { says: "a body too large", fields: [["Content-Length", "4096"]] as const },
    { says: "an unknown expectation", fields: [["Expect", "more"]] as const },
    { says: "a head too large", fields: [["X-Long", "x".repeat(9000)]] as const },
  ].map(({ says, fields }) => ({ name: "400", says, target: "/", fields, isTokenless: true as const })),
  {
    name: "container-credentials",
    target: "/v1/credentials",
    host: "169.254.170.23",
    isTokenless: true,
    parts: SESSION,
  },
  {
    name: "container-credentials-none",
    target: "/v1/credentials",
    host: "169.254.170.23",
    from: "plain",
    isTokenless: true,
  },
  { name: "503", target: `${CREDENTIALS}cut`, from: "cut" },
];

for (const { name, says = "", target, from = "web", isTokenless, parts = [], ...request } of DOCUMENTS) {
  test(`the answer ${name}.http is, byte for byte, what ${request.method ?? "GET"} ${target} ${says} gives`, async () => {
    const exchange: Exchange = {
      from,
      request: { target, ...request },
      status: name === "503" ? 503 : 200,
      ...(!isTokenless && { token: "own" }),
    };
    const reply = await venue.ask(exchange);
    const secondsLeft = reply.fields.has(TTL.toLowerCase()) && request.method !== "PUT" ? [SECONDS_LEFT] : [];
    assertGolden(name, withoutVariables(reply, [...secondsLeft, ...parts]));
  });
}

test("tree.http is, byte for byte, everything that a workload finds by following the listings", async () => {
  const get = (target: string): Promise<Reply> =>
    venue.ask({ from: "web", request: { target }, token: "own", status: 200 });
  const found = [...(await crawl(get, "/latest/dynamic/")), ...(await crawl(get, "/latest/meta-data/"))];
  const told = found.map(([path, reply]) => {
    const parts = VARIABLE_PARTS.find(([form]) => form.test(path))?.[1] ?? [];
    return `>>> GET ${path}\n${withoutVariables(reply, [SECONDS_LEFT, ...parts])}\n`;
  });
  assertGolden("tree", told.join("\n"));
});
