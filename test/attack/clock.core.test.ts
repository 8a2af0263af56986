import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Container } from "../e2e/support/containers.ts";
import { startLab } from "../e2e/support/lab.ts";
import type { RoleCredentials } from "../e2e/support/metadata-client.ts";
import { eventually } from "../e2e/support/programs.ts";
import { roleOf } from "../e2e/support/who-am-i.ts";
import { failsWith, succeedsWithout } from "./support/evidence.ts";
import { OwnClock } from "./support/own-clock.ts";

/** The daemon's clock and EC2's, each of them off the machine's as much as a test wants. */
const clocks = { daemon: new OwnClock(), ec2: new OwnClock() };
after(clocks.daemon.remove);
after(clocks.ec2.remove);
const lab = await startLab({ daemonEnv: clocks.daemon.env, ec2Env: clocks.ec2.env });
const containers = [await lab.run({ role: "one" }), await lab.run({ role: "two" })];
const ROLES = ["one", "two"];
const PAST_THE_SESSIONS_END_MINUTES = 61;

const before = await Promise.all(containers.map((container) => container.metadata.credentials()));

/** Whose credentials they are, as STS says by its own clock. @throws when it does not take them */
const assertGood = async (container: Container, { roleName, document }: RoleCredentials): Promise<void> =>
  assert.equal(roleOf(await container.whoAmI(document, clocks.ec2.aheadMs)), roleName);

/** Everybody asks for some seconds; whatever is not his own role, or not good any more, is an error. */
async function assertServed(): Promise<void> {
  for (const until = Date.now() + 1_000; Date.now() < until; await sleep(20)) {
    const now = await Promise.all(containers.map((container) => container.metadata.credentials(1_000)));
    assert.deepEqual(
      now.map(({ roleName }) => roleName),
      ROLES,
    );
  }
  for (const container of containers) await assertGood(container, await container.metadata.credentials(1_000));
}

test("the clock one minute ahead, ten minutes ahead and ten minutes behind: everybody is served", async () => {
  for (const minutes of [1, 10, -10, 0]) {
    clocks.daemon.isAheadBy(minutes);
    await assertServed();
  }
});

test("the clock two hours back: everybody is served, a newcomer too", async () => {
  clocks.daemon.isAheadBy(-120);
  await assertServed();
  assert.equal(await (await lab.run({ role: "newcomer" })).role(), "newcomer");
  clocks.daemon.isAheadBy(0);
  await assertServed();
});

/** A clock that jumps is an attack on whoever keeps credentials: they are shown to be worth nothing, and the daemon to know it. */
async function assertExpired(): Promise<void> {
  for (const [i, container] of containers.entries()) {
    const held = before[i] ?? assert.fail("no credentials");
    await assert.rejects(container.whoAmI(held.document, clocks.ec2.aheadMs), { name: "ExpiredToken" });
  }
}

succeedsWithout("clock", async () => {
  clocks.ec2.isAheadBy(PAST_THE_SESSIONS_END_MINUTES);
  await assertExpired();
  return "credentials that STS refuses";
});

failsWith("clock", async () => {
  const old = before.map(({ document }) => document.AccessKeyId);
  clocks.daemon.isAheadBy(PAST_THE_SESSIONS_END_MINUTES);
  const jumped = Date.now();
  // Nothing valid is in hand: 503 until STS has answered, and never what was there.
  const served = await eventually(() => Promise.all(containers.map(({ metadata }) => metadata.credentials(1_000))));
  const tookMs = Date.now() - jumped;
  assert.ok(served.every(({ document }) => !old.includes(document.AccessKeyId)));
  await assertExpired();
  await assertServed();
  return `new credentials within ${tookMs} ms that STS takes while it refuses the old; minutes either way and two hours back: no error`;
});
