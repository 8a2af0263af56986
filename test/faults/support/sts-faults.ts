import { after, before, test } from "node:test";
import type { Fault } from "../faults.ts";
import { testEach } from "./fault-test.ts";
import { FaultyHost } from "./faulty-host.ts";
import { assertNothingSecret } from "./rules.ts";
import { Holders, tryFault } from "./trial.ts";

/** So short that a session is renewed in almost every fault. */
const SHORT_SECONDS = 15;
const SHORT_ROLE = "holder-short";

/** One fault after another, all in one life of the daemon. */
export function testStsFaults(faults: Readonly<Record<string, Fault>>): void {
  let host: FaultyHost;
  let holders: Holders;
  before(async () => {
    host = await FaultyHost.start({ lifeSeconds: (role) => (role === SHORT_ROLE ? SHORT_SECONDS : undefined) });
    holders = new Holders([host.run("holder"), host.run(SHORT_ROLE)]);
    await holders.areServed(0, 10_000);
  });
  after(async () => {
    await holders?.stop();
    await host?.stop();
  });

  testEach(faults, (fault) => tryFault(host, holders, fault));

  test("in all of this nothing secret got into the log", () => {
    assertNothingSecret(host.log, host.ec2);
  });
}
