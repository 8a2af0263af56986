import type { TestContext } from "node:test";
import type { AccessEvent } from "../../src/http/connection-services.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../src/http/http-message.ts";
import { HttpServer, type HttpServerLimits } from "../../src/http/http-server.ts";

export const text = (body: string, rest: Partial<HttpResponse> = {}): HttpResponse => ({
  status: 200,
  headers: [["Content-Type", "text/plain"]],
  body,
  ...rest,
});

/** Answers with the method and the target. */
export const echo: HttpHandler = async ({ method, target }) => text(`${method} ${target}`);

export interface Serving {
  readonly server: HttpServer;
  readonly port: number;
  readonly requests: HttpRequest[];
  readonly accesses: AccessEvent[];
  readonly errors: unknown[];
}

/** A server on loopback that lives as long as the test. */
export async function serving(
  t: TestContext,
  handle: HttpHandler = echo,
  limits: Partial<HttpServerLimits> = {},
): Promise<Serving> {
  const requests: HttpRequest[] = [];
  const accesses: AccessEvent[] = [];
  const errors: unknown[] = [];
  const server = new HttpServer({
    handle: (request) => {
      requests.push(request);
      return handle(request);
    },
    now: () => Date.now(),
    onAccess: (event) => accesses.push(event),
    onError: (error) => errors.push(error),
    limits,
  });
  await server.listen({ host: "127.0.0.1", port: 0 });
  t.after(() => server.close({ graceMs: 0 }));
  return { server, port: server.address()?.port ?? 0, requests, accesses, errors };
}

/** A promise and the means to settle it. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  return Promise.withResolvers<T>();
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until it holds; the test's own time limit is the only one. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}
