import { after, before, test } from "node:test";
import { METADATA_FAULTS } from "./faults.ts";
import { testEach } from "./support/fault-test.ts";
import { FaultyHost } from "./support/faulty-host.ts";
import { assertNothingSecret } from "./support/rules.ts";
import { Holders, tryFault } from "./support/trial.ts";

let host: FaultyHost;
let log = "";

before(async () => {
  host = await FaultyHost.start();
});
after(() => host?.stop());

// For each a life of the daemon that begins in the fault, when it has none of the host's credentials yet; and then the
// same fault again, when it has.
testEach(METADATA_FAULTS, async (fault) => {
  await fault.begins(host.ec2);
  log += host.log;
  await host.host.restart();
  const started = await tryFault(host, new Holders([]), fault);
  const holders = new Holders([host.run(`holder-${fault.id}`)]);
  try {
    await holders.areServed(0, 10_000);
    const { holder } = await tryFault(host, holders, {
      name: fault.name,
      begins: fault.begins,
      ends: fault.ends,
      cold: "served",
      id: `${fault.id}-again`,
    });
    return { ...started, holder };
  } finally {
    await holders.stop();
  }
});

test("in all of this nothing secret got into the log", () => {
  assertNothingSecret(log + host.log, host.ec2);
});
