import assert from "node:assert/strict";
import { test } from "node:test";
import type { Broker } from "../../src/broker/broker.ts";
import type { HttpRequest } from "../../src/http/http-message.ts";
import { handlers } from "../../src/metadata/handlers.ts";
import { MetadataTokens } from "../../src/metadata/metadata-token.ts";
import { TokenScopes } from "../../src/metadata/token-scopes.ts";
import { grantOf } from "../support/sessions.ts";
import { binding, credentials, peer, START, workload } from "../support/workloads.ts";

const request: HttpRequest = { method: "GET", target: "", version: "1.1", headers: new Map(), peer: peer("10.0.0.1") };

for (const name of ["roleCredentials", "containerCredentials"] as const) {
  test(`${name}: whatever a request waits for, it waits until one moment that is set when it begins`, async () => {
    const waited: string[] = [];
    let deadlines = 0;
    const broker: Broker = {
      identify: () => assert.fail("it is known who asks"),
      deadline: () => ++deadlines,
      grantFor: async (_, until) => {
        waited.push(`role until ${until}`);
        return grantOf("reader");
      },
      credentialsFor: async (_, __, until) => {
        waited.push(`credentials until ${until}`);
        return credentials("x");
      },
    };
    const handle = handlers({
      broker,
      tokens: new MetadataTokens(Buffer.alloc(32, 7)),
      scopes: new TokenScopes(),
      readUpstream: () => assert.fail("nothing of the host's is asked for"),
      pathsOf: () => assert.fail("nothing of the host's is asked for"),
      now: () => START,
    });
    const of = binding("10.0.0.1", workload("web", "reader"));
    assert.equal((await handle[name]({ request, segments: ["reader"], binding: of })).status, 200);
    assert.deepEqual(waited, ["role until 1", "credentials until 1"]);
  });
}
