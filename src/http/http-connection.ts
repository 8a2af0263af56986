import type { Socket } from "node:net";
import type { EpochMs } from "../core/credentials.ts";
import type { Peer } from "../core/peer.ts";
import type { ConnectionServices } from "./connection-services.ts";
import { errorPage } from "./error-page.ts";
import type { HttpRequest, HttpResponse } from "./http-message.ts";
import { RequestError } from "./request-error.ts";
import { type ReceivedRequest, RequestReader } from "./request-reader.ts";
import { CONTINUE, connectionAfter, encodeResponse } from "./response-writer.ts";

/**
 * reading: waits for a request or the rest of one · answering: the surface has it · writing: the answer is on its way
 * and the connection stays · closing: the last answer is on its way; what still comes is thrown away · gone.
 */
type Phase = "reading" | "answering" | "writing" | "closing" | "gone";

/** By then at least one whole sweep has passed since. */
const SILENT_SWEEPS = 2;

/**
 * One client's connection. Requests are answered strictly in order, one at a time; while one is, the socket is not
 * read but for what had already come, so a client that pipelines fills its own buffers and none of ours.
 *
 * An answer is written only in the phase "answering": whatever ends that phase (a reset, a deadline, the client's
 * going) makes the answer that comes later fall on the floor.
 */
export class HttpConnection {
  readonly peerAddress: string;
  readonly #socket: Socket;
  readonly #services: ConnectionServices<HttpConnection>;
  readonly #reader: RequestReader;
  #phase: Phase = "reading";
  /** The sweep at which the phase has lasted too long. */
  #deadline: number;
  /** `#deadline` is that of a request. False between an answer and the next request's first byte. */
  #requestIsDue = true;
  /** Only then may it be idle: until the first request is there, that one is due. */
  #hasAnswered = false;
  #lastUsed: number;
  #request: HttpRequest | undefined;
  #receivedAt: EpochMs = 0;
  #clientHasEnded = false;
  /** The next answer is the last. */
  #isLast = false;
  /** Without a request it has no reason to stay. */
  #isEnding = false;

  /** The socket's errors are the owner's to ignore: "close" follows each. */
  constructor(socket: Socket, peer: Peer, services: ConnectionServices<HttpConnection>) {
    this.peerAddress = peer.address;
    this.#socket = socket;
    this.#services = services;
    this.#reader = new RequestReader(peer);
    this.#deadline = services.clock.after(services.limits.requestMs);
    this.#lastUsed = services.clock.sweeps;
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("end", () => this.#endOfInput());
    socket.on("close", () => this.#leave());
  }

  /** A request is being answered: the last kind of connection to sacrifice for a new one. */
  get isBusy(): boolean {
    return this.#phase === "answering" || this.#phase === "writing";
  }

  get isGone(): boolean {
    return this.#phase === "gone";
  }

  /** A request is due, being read or being answered, or its answer has not left this process yet. */
  get isUnderWay(): boolean {
    if (this.#phase === "reading") return this.#requestIsDue;
    return this.isBusy || (this.#phase === "closing" && this.#socket.writableLength > 0);
  }

  /** The sweep at which it was accepted or last had a request. */
  get lastUsed(): number {
    return this.#lastUsed;
  }

  /** RST, at once. What the kernel has not sent yet is dropped too; nothing is written afterwards. */
  reset(): void {
    if (this.#leave()) this.#socket.resetAndDestroy();
  }

  /** FIN, after what the kernel already has. */
  destroy(): void {
    if (this.#leave()) this.#socket.destroy();
  }

  /** The answer under way, or else to the next request, will say that it is the last. */
  closeAfterNext(): void {
    this.#isLast = true;
  }

  /** Answers what is under way, then closes. A client that has only just connected may still ask. */
  finish(): void {
    this.#isLast = true;
    this.#isEnding = true;
    if (this.#phase === "reading" && !this.#mayStillAsk) this.destroy();
  }

  /** Whoever connects to ask does so at once; one that has been silent since is not waited for. */
  get #mayStillAsk(): boolean {
    const isNew = this.#services.clock.sweeps - this.#lastUsed < SILENT_SWEEPS;
    return this.#requestIsDue && (isNew || this.#reader.isMidRequest);
  }

  /** Called once a sweep. */
  checkDeadline(): void {
    if (this.#services.clock.sweeps < this.#deadline) return;
    if (this.#phase === "answering") this.#refuse(503, "no answer in time");
    else if (this.#phase === "reading" && this.#reader.isMidRequest) this.#refuse(400, "request not complete in time");
    // A client that does not read: what the kernel holds for it would go on being sent, to whoever has its address next.
    else if (this.#phase === "closing" || this.#socket.writableLength > 0) this.reset();
    else this.destroy();
  }

  /** Whether it was there until now. */
  #leave(): boolean {
    if (this.#phase === "gone") return false;
    this.#phase = "gone";
    this.#services.onGone(this);
    return true;
  }

  #enter(phase: Phase, forMs: number): void {
    this.#phase = phase;
    this.#deadline = this.#services.clock.after(forMs);
  }

  #receive(bytes: Buffer): void {
    if (this.#phase === "closing" || this.#phase === "gone") return;
    this.#reader.push(bytes);
    if (this.#phase === "reading") this.#readOn();
    else this.#socket.pause();
  }

  #endOfInput(): void {
    this.#clientHasEnded = true;
    if (this.#phase === "reading") this.destroy();
  }

  #readOn(): void {
    let event = this.#reader.read();
    while (event === "need-continue") {
      this.#socket.write(CONTINUE);
      event = this.#reader.read();
    }
    if (event === undefined) this.#awaitMore();
    else if (event instanceof RequestError) this.#refuse(400, event.reason);
    else void this.#answer(event);
  }

  #awaitMore(): void {
    const isMidRequest = this.#reader.isMidRequest;
    if (this.#clientHasEnded || (this.#isEnding && !isMidRequest)) {
      this.destroy();
      return;
    }
    const { requestMs, idleMs } = this.#services.limits;
    if (isMidRequest && !this.#requestIsDue) this.#enter("reading", requestMs);
    else if (!isMidRequest && this.#hasAnswered) this.#enter("reading", idleMs);
    this.#requestIsDue = isMidRequest || !this.#hasAnswered;
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Never rejects. */
  async #answer(received: ReceivedRequest): Promise<void> {
    this.#enter("answering", this.#services.limits.answerMs);
    this.#requestIsDue = false;
    this.#hasAnswered = true;
    this.#lastUsed = this.#services.clock.sweeps;
    this.#request = received.request;
    this.#receivedAt = this.#services.now();
    try {
      this.#send(received, await this.#services.handle(received.request));
    } catch (error) {
      this.#services.onError(error);
      this.#send(received, errorPage(500));
    }
  }

  #send({ request, keepAlive }: ReceivedRequest, response: HttpResponse): void {
    if (this.#phase !== "answering") return;
    const connection = connectionAfter(response.status, request.version, keepAlive && !this.#isLast);
    const whole = request.method === "HEAD" ? { ...response, omitBody: true } : response;
    const bytes = encodeResponse(whole, { connection, date: this.#services.date.text() });
    const isWithheld = response.mayBeSent?.() === false;
    if (isWithheld) this.reset();
    else if (connection === "close") this.#writeLast(bytes);
    else this.#write(bytes);
    this.#report(isWithheld ? undefined : response.status, undefined);
  }

  /** In place of the surface: what could not be read, or was not answered in time. */
  #refuse(status: 400 | 503, reason: string): void {
    const page = { ...errorPage(status), omitBody: this.#request?.method === "HEAD" };
    this.#writeLast(encodeResponse(page, { connection: "close", date: this.#services.date.text() }));
    this.#report(status, reason);
  }

  #write(bytes: Buffer): void {
    this.#enter("writing", this.#services.limits.writeMs);
    this.#socket.write(bytes, this.#written);
  }

  /** Pipelined requests take turns with other connections. One closure a connection, not one a request. */
  readonly #written = (error?: Error | null): void => {
    if (error) return; // "close" follows
    if (this.#reader.isMidRequest) setImmediate(this.#readOnAfterWrite);
    else this.#readOnAfterWrite();
  };

  readonly #readOnAfterWrite = (): void => {
    if (this.#phase !== "writing") return;
    this.#request = undefined;
    this.#phase = "reading";
    this.#readOn();
  };

  /** Closing with bytes unread makes the kernel send RST, which may destroy the answer on its way; so they are read. */
  #writeLast(bytes: Buffer): void {
    this.#enter("closing", this.#services.limits.lingerMs);
    this.#socket.end(bytes);
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  #report(status: number | undefined, refusal: string | undefined): void {
    const { onAccess, now } = this.#services;
    const { method, target } = this.#request ?? {};
    const durationMs = this.#request === undefined ? 0 : Math.max(0, now() - this.#receivedAt);
    onAccess({ peerAddress: this.peerAddress, method, target, status, durationMs, refusal });
  }
}
