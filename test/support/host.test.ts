import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { startHost } from "./host.ts";

test("a whole host on loopback: each container has its own role, also after a restart", async () => {
  await using host = await startHost({
    containers: {
      web: { address: "127.50.0.2", labels: { "taskrole.role": "web" } },
      worker: { address: "127.50.0.3", env: ["IAM_ROLE=worker"] },
    },
    flags: { "metadata-tokens": "optional" },
  });
  const ask = async (localAddress: string): Promise<string> => {
    const socket = connect({ port: host.port, host: "127.0.0.1", localAddress });
    socket.end("GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\nConnection: close\r\n\r\n");
    let text = "";
    socket.on("data", (bytes) => (text += bytes.toString("latin1")));
    await once(socket, "close");
    return text.split("\r\n\r\n")[1] ?? "";
  };

  assert.equal(await ask("127.50.0.2"), "web");
  assert.equal(await ask("127.50.0.3"), "worker");
  await host.restart("SIGKILL");
  assert.equal(await ask("127.50.0.2"), "web");
});
