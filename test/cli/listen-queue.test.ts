import { test } from "node:test";
import { allConnectWhileItIsBusy } from "../support/crowd-of-connections.ts";
import { startHost } from "../support/host.ts";
import { EXECUTABLE, FROM_SOURCE } from "../support/program.ts";

for (const [name, program] of [
  ["the executable", EXECUTABLE],
  ["from source", FROM_SOURCE],
] as const) {
  test(`a thousand containers can connect at the same moment: ${name}`, async () => {
    await using host = await startHost({ containers: {}, program });
    await allConnectWhileItIsBusy(host.port, host.taskrole);
  });
}
