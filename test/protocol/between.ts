import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to one call on its way. */
export interface Fate {
  readonly delayMs?: number;
  /** Instead of what the service would say; it never hears of the call. "hang": nothing, ever. */
  readonly answer?: { readonly status: number; readonly body?: string } | "hang" | "hang-up";
  /** Of the service's own answer. */
  readonly rewrite?: (body: string) => string;
}

export interface Call {
  /** When it came: performance.now(). */
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** Stands between the daemon and a service of AWS: slow, dead or otherwise as a test wants it, and counts. */
export interface Between {
  readonly url: string;
  /** Where calls go on to; those that came before it is known wait for it. */
  leadTo(target: string): void;
  /** In the order they came. */
  readonly calls: readonly Call[];
  /** May be changed at any time; the next call sees it. */
  fate: (call: Call) => Fate;
  close(): Promise<void>;
}

export async function standBetween(): Promise<Between> {
  const calls: Call[] = [];
  const { promise: target, resolve: leadTo } = Promise.withResolvers<string>();
  const server = createServer((incoming, response) => {
    void pass(incoming, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const between: Between = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo,
    calls,
    fate: () => ({}),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return between;

  async function pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "" } = incoming;
    const call = { atMs: performance.now(), method, path, body: await textOf(incoming) };
    calls.push(call);
    const { delayMs = 0, answer, rewrite = (text) => text } = between.fate(call);
    await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
    if (answer !== undefined) return answerInstead(answer, response);
    const real = await forward(await target, incoming, call.body);
    const { "content-length": _, ...headers } = real.headers;
    response.writeHead(real.statusCode ?? 0, headers).end(rewrite(await textOf(real)));
  }
}

function answerInstead(answer: NonNullable<Fate["answer"]>, response: ServerResponse): void {
  if (answer === "hang-up") response.destroy();
  else if (answer !== "hang") response.writeHead(answer.status).end(answer.body ?? "");
}

/** The Host field goes along as it came: a signature covers it. */
async function forward(target: string, incoming: IncomingMessage, body: string): Promise<IncomingMessage> {
  const outgoing = request(target + incoming.url, { method: incoming.method, headers: incoming.headers, agent: false });
  outgoing.end(body);
  const [real] = (await once(outgoing, "response")) as [IncomingMessage];
  return real;
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of incoming as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}
