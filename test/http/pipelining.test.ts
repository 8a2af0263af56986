import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { errorPage } from "../../src/http/error-page.ts";
import { RawClient } from "./raw-client.ts";
import { type Serving, serving, text } from "./serving.ts";

interface Planned {
  readonly method: "GET" | "HEAD" | "PUT";
  /** What the surface answers. */
  readonly status: number;
  /** How many turns of the event loop the surface takes to answer. */
  readonly turns: number;
  readonly rest: string;
  /** Cannot be read: refused by the edge. */
  readonly isMalformed: boolean;
}

interface Conversation {
  readonly plan: readonly Planned[];
  /** Where the bytes are cut, modulo their length; a turn of the event loop passes between two pieces. */
  readonly cuts: readonly number[];
}

const RESTS = [
  ...["\r\n", "\r\n", "\r\n", "Content-Length: 5\r\n\r\nGET /", "Content-Length: 0\r\n\r\n"],
  "Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n",
];

const planned: fc.Arbitrary<Planned> = fc.record({
  method: fc.constantFrom("GET", "GET", "HEAD", "PUT"),
  status: fc.oneof(
    { weight: 12, arbitrary: fc.constant(200) },
    { weight: 1, arbitrary: fc.constantFrom(401, 404, 503) },
  ),
  turns: fc.nat({ max: 4 }),
  rest: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...RESTS) },
    { weight: 1, arbitrary: fc.constant("Connection: close\r\n\r\n") },
  ),
  isMalformed: fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

const conversations: fc.Arbitrary<readonly Conversation[]> = fc.array(
  fc.record({
    plan: fc.array(planned, { minLength: 1, maxLength: 12 }),
    cuts: fc.array(fc.nat({ max: 2_000 }), { maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 4 },
);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** `/conversation/index/status/turns`: what the surface is to do stands in the target. */
async function asPlanned({ method, target }: { method: string; target: string }) {
  const [, , , status, turns] = target.split("/").map(Number);
  for (let left = turns ?? 0; left > 0; left -= 1) await turn();
  return status === 200 ? text(`${method} ${target}`) : errorPage(status ?? 0);
}

const targetOf = ({ status, turns }: Planned, name: string, index: number): string =>
  `/${name}/${index}/${status}/${turns}`;

const bytesOf = ({ plan }: Conversation, name: string): string =>
  plan
    .map((each, index) => {
      const version = each.isMalformed ? "HTTP/1.1 " : "HTTP/1.1";
      return `${each.method} ${targetOf(each, name, index)} ${version}\r\n${each.rest}`;
    })
    .join("");

interface Expected {
  readonly answers: readonly { readonly toHead: boolean; readonly status: number; readonly body: string }[];
  readonly handled: readonly string[];
}

/** Each in its turn, up to the one after which the connection closes. */
function expectedOf({ plan }: Conversation, name: string): Expected {
  const last = plan.findIndex((each) => each.isMalformed || each.status !== 200 || each.rest.includes("close"));
  const met = last === -1 ? plan : plan.slice(0, last + 1);
  const answers = met.map((each, index) => {
    const status = each.isMalformed ? 400 : each.status;
    const toHead = each.method === "HEAD" && !each.isMalformed;
    const body = status === 200 ? `${each.method} ${targetOf(each, name, index)}` : String(errorPage(status).body);
    return { toHead, status, body: toHead ? "" : body };
  });
  const handled = met.flatMap((each, index) => (each.isMalformed ? [] : [targetOf(each, name, index)]));
  return { answers, handled };
}

function cut(bytes: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((place) => place % bytes.length), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.slice(places[index], end));
}

async function converse(port: number, conversation: Conversation, name: string): Promise<void> {
  const client = await RawClient.connected(port);
  for (const piece of cut(bytesOf(conversation, name), conversation.cuts)) {
    client.send(piece);
    await turn();
  }
  client.socket.end();
  for (const { toHead, status, body } of expectedOf(conversation, name).answers) {
    const response = await client.response({ toHead });
    assert.deepEqual([response.status, toHead ? "" : response.body], [status, body]);
  }
  assert.equal(await client.ending, "end");
  assert.equal(client.received, "", "more than was to be answered");
  client.close();
}

async function checkAll({ port, requests }: Serving, all: readonly Conversation[]): Promise<void> {
  requests.length = 0;
  await Promise.all(all.map((conversation, index) => converse(port, conversation, `c${index}`)));
  for (const [index, conversation] of all.entries()) {
    const targets = requests.map(({ target }) => target).filter((target) => target.startsWith(`/c${index}/`));
    assert.deepEqual(targets, expectedOf(conversation, `c${index}`).handled);
  }
}

const RUNS = 300;

test("pipelined requests of several clients, cut anyhow, answered in any time: each once, in order, none another's, none after a refusal", {
  timeout: 60_000,
}, async (t: TestContext) => {
  const server = await serving(t, asPlanned);
  await fc.assert(
    fc.asyncProperty(conversations, (all) => checkAll(server, all)),
    { numRuns: RUNS },
  );
  assert.deepEqual(server.errors, []);
});
