import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { RawResponse } from "../http/raw-client.ts";
import { callerIdentity, session } from "../sts/fake-sts.ts";

/** What STS was asked, once, by the time that whoever asks by `get` had its credentials. */
export async function askedOnce(
  { asked }: Pick<RecordingSts, "asked">,
  get: (path: string) => Promise<RawResponse>,
): Promise<Readonly<Record<string, string>>> {
  const roles = "/latest/meta-data/iam/security-credentials/";
  const { status, body } = await get(roles);
  assert.equal(status, 200);
  assert.equal((await get(roles + body)).status, 200);
  assert.equal(asked.length, 1);
  return asked[0] ?? assert.fail();
}

export interface RecordingSts extends AsyncDisposable {
  readonly url: string;
  /** The parameters of each AssumeRole, in the order they came; without the API's own two. */
  readonly asked: readonly Readonly<Record<string, string>>[];
}

/** An STS that says yes to everything and remembers to what. */
export async function recordingSts(): Promise<RecordingSts> {
  const asked: Readonly<Record<string, string>>[] = [];
  const server: Server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      const { Action, Version: _, ...parameters } = Object.fromEntries(new URLSearchParams(body));
      if (Action === "GetCallerIdentity")
        return response.end(callerIdentity("arn:aws:sts::111122223333:assumed-role/h/i"));
      asked.push(parameters);
      const role = parameters["RoleArn"]?.split("/").at(-1);
      const arn = `arn:aws:sts::111122223333:assumed-role/${role}/${parameters["RoleSessionName"]}`;
      return response.end(session({ id: `ASIA${asked.length}`, arn }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
