import { connect, type Socket } from "node:net";

/** One answer as it came; latin1. */
export interface Answer {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly from: string;
}

export interface Exchanged {
  /** All of it, as it came. */
  readonly received: string;
  readonly answers: readonly Answer[];
  /** Why `received` is not simply a row of answers, or why there is no end of it. */
  readonly fault?: string;
}

const HEAD_END = "\r\n\r\n";
const CONTINUE = `HTTP/1.1 100 Continue${HEAD_END}`;
const ANSWER = /^HTTP\/1\.1 (\d{3}) [A-Za-z ]+\r\n/;

const fieldOf = (fields: Answer["fields"], wanted: string): string | undefined =>
  fields.find(([name]) => name === wanted)?.[1];

/** Takes a row of answers apart. An answer to HEAD has no body whatever its length says. */
function answersIn(received: string, mayLackBody: boolean): { answers: Answer[]; rest: string } {
  const answers: Answer[] = [];
  let rest = received;
  for (;;) {
    if (rest.startsWith(CONTINUE)) rest = rest.slice(CONTINUE.length);
    const answer = firstAnswer(rest, mayLackBody);
    if (!answer) return { answers, rest };
    answers.push(answer);
    rest = rest.slice(rest.indexOf(HEAD_END) + HEAD_END.length + answer.body.length);
  }
}

function firstAnswer(received: string, mayLackBody: boolean): Answer | undefined {
  const end = received.indexOf(HEAD_END);
  const status = Number(ANSWER.exec(received)?.[1]);
  if (end === -1 || Number.isNaN(status)) return undefined;
  const fields = received.slice(0, end).split("\r\n").slice(1).map(fieldIn);
  const after = received.slice(end + HEAD_END.length);
  if (mayLackBody && (after === "" || after.startsWith("HTTP/1.1 "))) return { status, fields, body: "" };
  const length = Number(fieldOf(fields, "content-length"));
  return after.length >= length ? { status, fields, body: after.slice(0, length) } : undefined;
}

function fieldIn(line: string): [name: string, value: string] {
  const colon = line.indexOf(": ");
  return colon === -1 ? [line, ""] : [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
}

/** One connection, one exchange at a time. */
export class RawConnection {
  readonly #socket: Socket;
  #received = "";
  #ending: string | undefined;
  #onChange: () => void = () => {};

  constructor({ host, port, from }: Address) {
    this.#socket = connect({ host, port, localAddress: from, allowHalfOpen: true, noDelay: true });
    this.#socket.on("data", (bytes: Buffer) => {
      this.#received += bytes.toString("latin1");
      this.#onChange();
    });
    this.#socket.on("end", () => this.#end("end"));
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
  }

  get isOpen(): boolean {
    return this.#ending === undefined;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends all there is to send, ends its side, and keeps what comes until the other side ends too. */
  async lastExchange(pieces: readonly string[], { mayLackBody, withinMs }: Manner): Promise<Exchanged> {
    for (const piece of pieces) await this.#write(piece);
    this.#socket.end();
    const isInTime = await this.#until(() => this.#ending !== undefined, withinMs);
    this.close();
    const { answers, rest } = answersIn(this.#received, mayLackBody);
    const fault = this.#faultOf(isInTime, rest);
    return { received: this.#received, answers, ...(fault !== undefined && { fault }) };
  }

  /** Sends one request, and keeps what comes until it is answered and, where the answer says so, the connection has ended. */
  async exchange(request: string, { mayLackBody, withinMs }: Manner): Promise<Exchanged> {
    if (this.#received !== "") return { received: this.#received, answers: [], fault: "an answer nobody asked for" };
    await this.#write(request);
    const isOver = (): boolean => this.#ending !== undefined || this.#isAnswered(mayLackBody);
    const isInTime = await this.#until(isOver, withinMs);
    const received = this.#received;
    this.#received = "";
    const { answers, rest } = answersIn(received, mayLackBody);
    const fault = answers.length > 1 ? "more than one answer" : this.#faultOf(isInTime, rest);
    return { received, answers, ...(fault !== undefined && { fault }) };
  }

  #isAnswered(mayLackBody: boolean): boolean {
    const { answers, rest } = answersIn(this.#received, mayLackBody);
    const [answer] = answers;
    return answer !== undefined && rest === "" && fieldOf(answer.fields, "connection") !== "close";
  }

  #faultOf(isInTime: boolean, rest: string): string | undefined {
    if (!isInTime) return "no answer in time";
    if (this.#ending !== undefined && this.#ending !== "end") return `the connection ended with ${this.#ending}`;
    return rest === "" ? undefined : "what came is no whole answer";
  }

  #write(text: string): Promise<void> {
    // An error shows as the connection's end.
    return new Promise((resolve) => void this.#socket.write(text, "latin1", () => resolve()));
  }

  #end(how: string): void {
    this.#ending ??= how;
    this.#onChange();
  }

  /** @returns whether it came to be in time */
  async #until(isTrue: () => boolean, withinMs: number): Promise<boolean> {
    if (isTrue()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), withinMs);
    this.#onChange = () => isTrue() && resolve(true);
    const isInTime = await promise;
    clearTimeout(timer);
    return isInTime;
  }
}

interface Manner {
  /** A HEAD is among the requests. */
  readonly mayLackBody: boolean;
  readonly withinMs: number;
}
