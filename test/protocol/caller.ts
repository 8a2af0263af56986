import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { bytesOf, type Ends, exchange, type Reply, type Request, replyIn } from "./exchange.ts";

export const TOKEN_PATH = "/latest/api/token";
export const TOKEN = "X-aws-ec2-metadata-token";
export const TTL = "X-aws-ec2-metadata-token-ttl-seconds";
export const CREDENTIALS = "/latest/meta-data/iam/security-credentials/";
export const SIX_HOURS = "21600";

const TRIES = 5;

type More = Pick<Request, "method" | "fields">;

/** A workload at the metadata service: every request on a connection of its own, from its own address. */
export class Caller {
  readonly #ends: Ends;
  #held: string | undefined;

  constructor(ends: Ends) {
    this.#ends = ends;
  }

  async ask(request: Request): Promise<Reply> {
    const toHead = request.method === "HEAD";
    const reply = replyIn(await exchange(this.#ends, bytesOf(request), toHead), toHead);
    assertDecent(reply);
    return reply;
  }

  async newToken(seconds = SIX_HOURS): Promise<string> {
    const reply = await this.ask({ method: "PUT", target: TOKEN_PATH, fields: [[TTL, seconds]] });
    assert.equal(reply.status, 200, reply.body);
    return reply.body;
  }

  /** The same one each time. */
  async token(): Promise<string> {
    this.#held ??= await this.newToken();
    return this.#held;
  }

  /** Again after a 503, as SDKs ask: on a busy machine the real service may have been too slow for the daemon. */
  async askPatiently(request: Request): Promise<Reply> {
    let reply = await this.ask(request);
    for (let tries = 1; reply.status === 503 && tries < TRIES; tries += 1) {
      await sleep(tries * 100);
      reply = await this.ask(request);
    }
    return reply;
  }

  /** With a token, and patiently. */
  async get(target: string, more: More = {}): Promise<Reply> {
    return this.askPatiently(await this.#withToken(target, more));
  }

  /** With a token; the first answer counts. */
  async getOnce(target: string, more: More = {}): Promise<Reply> {
    return this.ask(await this.#withToken(target, more));
  }

  async #withToken(target: string, { method = "GET", fields = [] }: More): Promise<Request> {
    return { method, target, fields: [[TOKEN, await this.token()], ...fields] };
  }

  /** The credentials document of the role that the service lists. */
  async credentials(): Promise<Reply> {
    const role = await this.get(CREDENTIALS);
    assert.equal(role.status, 200, role.body);
    return this.get(CREDENTIALS + encodeURIComponent(role.body));
  }
}

/** What holds for every answer of the service, whatever was asked: the tests of one row need not say it again. */
function assertDecent({ status, fields, body, head }: Reply): void {
  assert.ok(status >= 200 && (status < 300 || status >= 400), `a redirect: ${head}`);
  assert.notEqual(status, 429, "SDKs give up at once on 429");
  assert.equal(fields.get("server"), "EC2ws");
  assert.match(fields.get("date") ?? "", /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  assert.match(fields.get("content-length") ?? "", /^\d+$/);
  assert.equal(fields.get("transfer-encoding"), undefined);
  assert.deepEqual(
    [...fields.keys()].filter((name) => name.startsWith("access-control-")),
    [],
  );
  if (status === 200) return;
  assert.equal(fields.get("connection"), "close");
  if (fields.get("content-type") === "application/json") assertContainerError(body);
  else assertErrorPage(status, fields, body);
}

/** On the container credentials endpoint, where SDKs print what they read. */
const assertContainerError = (body: string): void => assert.match(body, /^\{"code":"[A-Za-z]+","message":"[^"\\]+"\}$/);

/** No client must take it for a token or a role, and none must wait for its end. */
function assertErrorPage(status: number, fields: Reply["fields"], body: string): void {
  assert.equal(fields.get("content-type"), "text/html");
  if (body === "") return; // to HEAD
  assert.match(body, new RegExp(`<title>${status} - [A-Za-z ]+</title>`));
  assert.match(body, /^[\n -~]{1,399}$/);
  assert.ok(body.trim().split("\n").length > 5, "several lines");
}
