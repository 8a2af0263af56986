import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { RawClient } from "../http/raw-client.ts";
import { CREDENTIALS, TOKEN } from "./caller.ts";
import { timed } from "./durations.ts";
import { bytesOf, type Reply } from "./exchange.ts";
import type { Started } from "./protocol-host.ts";

export interface Crowd {
  readonly port: number;
  readonly callers: readonly Started[];
  /** Connections of each caller, kept open for all its requests. */
  readonly clientsEach: number;
  readonly requestsEach: number;
}

/** Every client asks for its credentials at the same time as all others, one request after another; how long each took. */
export async function askManyAtOnce({ port, callers, clientsEach, requestsEach }: Crowd): Promise<readonly number[]> {
  const clients = await Promise.all(
    callers.flatMap(({ caller, address }) =>
      Array.from({ length: clientsEach }, async () => {
        const token = await caller.token();
        const role = (await caller.get(CREDENTIALS)).body;
        const request = bytesOf({ target: CREDENTIALS + role, fields: [[TOKEN, token]] });
        return { connection: await RawClient.connected(port, address), request };
      }),
    ),
  );
  const durations = await Promise.all(
    clients.map(({ connection, request }) =>
      timed(requestsEach, async () => assert.equal((await connection.send(request).response()).status, 200)),
    ),
  );
  for (const { connection } of clients) connection.close();
  return durations.flat();
}

/** The same crowd at a server, in this very process, that gives that answer to whatever comes: what the machine can do now. */
export async function askManyOfNothing(crowd: Crowd, { head, body }: Reply): Promise<readonly number[]> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("data", () => socket.write(head + body, "latin1"));
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const durations = await askManyAtOnce({ ...crowd, port: (server.address() as AddressInfo).port });
  server.close();
  return durations;
}
