import { after, before, test } from "node:test";
import type { Fault } from "../faults.ts";
import { testEach } from "./fault-test.ts";
import { FaultyHost } from "./faulty-host.ts";
import { assertNothingSecret } from "./rules.ts";
import { Holders, tryFault } from "./trial.ts";

/** By role: so short that one or the other is to be renewed in almost every fault. */
const SHORT_SECONDS: ReadonlyMap<string, number> = new Map([
  ["holder-7", 7],
  ["holder-9", 9],
]);

/** One fault after another, all in one life of the daemon. */
export function testStsFaults(faults: Readonly<Record<string, Fault>>): void {
  let host: FaultyHost;
  let holders: Holders;
  before(async () => {
    host = await FaultyHost.start({ lifeSeconds: (role) => SHORT_SECONDS.get(role) });
    holders = new Holders(["holder", ...SHORT_SECONDS.keys()].map((role) => host.run(role)));
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
