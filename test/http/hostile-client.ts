import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { errorPage } from "../../src/http/error-page.ts";
import { RequestError } from "../../src/http/request-error.ts";
import { RequestReader } from "../../src/http/request-reader.ts";
import { peer } from "../support/workloads.ts";
import { hostileBytes } from "./hostile-bytes.ts";

/**
 * end: the client ends its side after its bytes · wait: it leaves that to the server · reset: it sends RST, and hears
 * of nothing.
 */
type Manner = "end" | "wait" | "reset";

interface HostileCase {
  readonly bytes: Buffer;
  readonly manner: Manner;
  /** Where the bytes are cut; "wait" sends them at once, so that no pause of the machine's makes them late. */
  readonly cuts: readonly number[];
}

const MANNERS: fc.Arbitrary<Manner> = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Manner>("end") },
  { weight: 2, arbitrary: fc.constant<Manner>("wait") },
  { weight: 1, arbitrary: fc.constant<Manner>("reset") },
);

export const hostileCase = (manner = MANNERS): fc.Arbitrary<HostileCase> =>
  fc.record({ bytes: hostileBytes(), manner, cuts: fc.array(fc.nat({ max: 10_000 }), { maxLength: 3 }) });

/** What a server owes for the bytes, in their order. */
interface Due {
  readonly what: "answer" | "refusal" | "continue";
  readonly toHead: boolean;
  readonly isLast: boolean;
}

const CONTINUE_DUE: Due = { what: "continue", toHead: false, isLast: false };
const REFUSAL_DUE: Due = { what: "refusal", toHead: false, isLast: true };

function dueTo({ bytes, manner }: HostileCase): Due[] {
  const reader = new RequestReader(peer("127.0.0.1", 1));
  const due: Due[] = [];
  reader.push(bytes);
  for (let event = reader.read(); event !== undefined; event = reader.read()) {
    if (event === "need-continue") due.push(CONTINUE_DUE);
    else if (event instanceof RequestError) due.push(REFUSAL_DUE);
    else due.push({ what: "answer", toHead: event.request.method === "HEAD", isLast: !event.keepAlive });
  }
  if (manner === "wait" && reader.isMidRequest) due.push(REFUSAL_DUE);
  return due;
}

/** Takes answers off a transcript, checking each. */
class Transcript {
  #rest: string;

  constructor(text: string) {
    this.#rest = text;
  }

  get isAtEnd(): boolean {
    return this.#rest === "";
  }

  /** @returns the status; throws what is wrong with the answer */
  take(toHead: boolean): number {
    const [head = "", status = "", fields = ""] =
      /^HTTP\/1\.1 (\d{3}) [A-Za-z ]+\r\n((?:[\w-]+: [\x20-\x7e]*\r\n)*)\r\n/.exec(this.#rest) ?? [];
    if (head === "") throw new Error("no whole answer");
    const length = toHead || status === "100" ? 0 : Number(/^Content-Length: (\d+)\r$/m.exec(fields)?.[1]);
    const body = this.#rest.slice(head.length, head.length + length);
    if (body.length !== length) throw new Error("an answer is cut short");
    this.#rest = this.#rest.slice(head.length + length);
    if (status !== "200" && status !== "100") checkError(Number(status), fields, toHead ? undefined : body);
    return Number(status);
  }
}

/** Of the statuses that clients know, the fixed page, and the last answer. */
function checkError(status: number, fields: string, body: string | undefined): void {
  if (![400, 401, 403, 404, 405, 503].includes(status)) throw new Error(`status ${status}`);
  if (!fields.includes("Connection: close\r\n")) throw new Error("an error that does not say that it closes");
  if (body !== undefined && body !== errorPage(status).body) throw new Error("the body is not the fixed page");
}

/** @returns what is wrong with what the server sent, if anything */
function complaintAbout(received: string, given: HostileCase): string | undefined {
  const transcript = new Transcript(received);
  try {
    for (const { what, toHead, isLast } of dueTo(given)) {
      const status = transcript.take(toHead);
      if (!fits(status, what)) throw new Error(`${status} where a ${what} was due`);
      if (isLast || status >= 400) break;
    }
    return transcript.isAtEnd ? undefined : "it went on after its last answer";
  } catch (error) {
    return String(error);
  }
}

function fits(status: number, what: Due["what"]): boolean {
  if (what === "continue") return status === 100;
  return what === "refusal" ? status === 400 : status !== 100;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** @returns all that the server sent, once the connection has ended */
async function attack(port: number, from: string, given: HostileCase): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from, allowHalfOpen: true });
  let received = "";
  socket.on("error", () => {}).on("data", (bytes) => (received += bytes.toString("latin1")));
  const closed = new Promise((resolve) => socket.on("end", resolve).on("close", resolve));
  await once(socket, "connect");
  await send(socket, given);
  await closed;
  socket.destroy();
  return received;
}

async function send(socket: Socket, { bytes, manner, cuts }: HostileCase): Promise<void> {
  let sent = 0;
  for (const cut of manner === "wait" ? [] : [...cuts].sort((a, b) => a - b)) {
    const end = Math.max(sent, cut % bytes.length);
    socket.write(bytes.subarray(sent, end));
    sent = end;
    await turn();
  }
  socket.write(bytes.subarray(sent));
  if (manner === "end") socket.end();
  if (manner === "reset") socket.resetAndDestroy();
}

const AT_ONCE = 250;

/** Fails at the first that is not answered as it should be. It hangs when a connection does not end: give it a time limit. */
export async function attackWithAll(
  port: number,
  addressOf: (index: number) => string,
  cases: readonly HostileCase[],
): Promise<void> {
  const left = cases.entries();
  const attackOneByOne = async (): Promise<void> => {
    for (const [index, given] of left) {
      const received = await attack(port, addressOf(index), given);
      const complaint = given.manner === "reset" ? undefined : complaintAbout(received, given);
      assert.equal(complaint, undefined, `${complaint}: ${shown(given)}\n${JSON.stringify(received)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, attackOneByOne));
}

const shown = (given: HostileCase): string => JSON.stringify({ ...given, bytes: given.bytes.toString("latin1") });
