import assert from "node:assert/strict";
import { after } from "node:test";
import { FakeEngine } from "../docker/fake-engine.ts";
import { removeCgroups } from "../e2e/support/cgroups.ts";
import { Daemon } from "../e2e/support/daemon.ts";
import { Ec2 } from "../e2e/support/ec2.ts";
import { createInstance } from "../e2e/support/instance.ts";
import { AddressAlone } from "./support/address-alone.ts";
import { failsWith, succeedsWithout } from "./support/evidence.ts";
import { Pool } from "./support/pool.ts";
import { type Turn, Turns, UNTOLD_MS } from "./support/turns.ts";

/**
 * More containers a second than an engine can start: real processes, links, namespaces and rules, real events, and
 * behind the Engine's socket a stand-in that tells what Docker tells.
 */
const SECONDS = Number(process.env["CHURN_SECONDS"] ?? 120);

/** Containers a second that say that the machine kept up. */
const PACE = 20;
/** What a machine must reach that others use too, for the run to say anything; the evidence tells what it was. */
const SLOWEST_PACE = 12;
/**
 * A machine with other things to do delays the daemon's hearing of an owner's end, and the first packet of the next is
 * dropped meanwhile, which takes its kernel a second to mend, as long as botocore waits. So few of a thousand may meet that.
 */
const LATE_OF_A_THOUSAND = 2;
const LATE_MS = 1_000;
/** Each takes a second with taskrole: until the container's first packet is sent again. */
const UNTOLD_TURNS = 24;

const instance = await createInstance();
after(instance.remove);
after(removeCgroups);
const ec2 = await Ec2.start(instance);
after(ec2.stop);
const engine = await new FakeEngine().listen();
after(() => engine.destroy());
const daemon = new Daemon(instance, { socket: engine.socketPath });
const pool = await Pool.start(instance);
after(() => pool.stop());
const turns = new Turns(pool, engine);
const addressAlone = new AddressAlone({ instance, daemon });
await addressAlone.begin();

/** Somebody else's role. */
const isWrong = ({ role, answer }: Turn): boolean => answer.outcome === "200" && answer.body !== role;
const isRight = ({ role, answer }: Turn): boolean => answer.outcome === "200" && answer.body === role;
const inWords = ({ role, answer }: Turn): string => `${role}: ${answer.outcome} ${answer.body}, ${answer.tookMs} ms`;

/** Turns of which the engine tells too late. */
async function turnsUntold(count: number): Promise<readonly Turn[]> {
  const taken: Turn[] = [];
  while (taken.length < count) taken.push(await turns.take("late"));
  return taken;
}

succeedsWithout("churn", async () => {
  const taken = await turnsUntold(UNTOLD_TURNS);
  const wrong = taken.filter(isWrong);
  assert.ok(wrong.length > 0, taken.map(inWords).join("; "));
  return `${wrong.length} of ${taken.length} got the role of the one before`;
});

failsWith("churn", async () => {
  await addressAlone.end();
  await turns.take("docker-28");
  const strangers = await instance.strangersAtMetadata();
  const untold = await turnsUntold(UNTOLD_TURNS);
  assert.deepEqual(untold.filter(isWrong).map(inWords), [], "wrong while the events are late");
  const hadToWait = untold.filter(({ answer }) => answer.tookMs >= UNTOLD_MS);
  assert.ok(hadToWait.length >= untold.length / 2, untold.map(inWords).join("; "));
  await turns.take("docker-28");
  const taken: Turn[] = [];
  const begun = performance.now();
  while (performance.now() - begun < SECONDS * 1000) {
    taken.push(await turns.take(taken.length % 2 === 0 ? "docker-20" : "docker-28"));
  }
  const rate = taken.length / SECONDS;
  const waits = taken.map(({ answer }) => answer.tookMs).sort((a, b) => a - b);
  const at = (share: number) => waits[Math.floor((waits.length - 1) * share)];
  console.log(
    `${taken.length} containers, ${rate.toFixed(1)} a second; ms: p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)}`,
  );
  assert.deepEqual(taken.filter(isWrong).map(inWords), [], "wrong");
  const unanswered = taken.filter((turn) => !isRight(turn));
  assert.deepEqual(unanswered.map(inWords), [], "unanswered");
  if (process.env["REQUIRE_ALL"] === "1") assert.ok(rate >= SLOWEST_PACE, `${rate.toFixed(1)} containers a second`);
  const late = taken.filter(({ answer }) => answer.tookMs >= LATE_MS);
  const mayBeLate = rate >= PACE ? (taken.length * LATE_OF_A_THOUSAND) / 1_000 : taken.length / 100;
  assert.ok(late.length <= mayBeLate, late.map(inWords).join("; "));
  assert.equal((await instance.strangersAtMetadata()) - strangers, 0);
  return (
    `0 wrong and 0 unanswered of ${taken.length} containers in ${SECONDS} s, ${rate.toFixed(0)} a second, ${late.length} of them after a second or more; ` +
    `with the events late 0 wrong of ${untold.length}, and ${hadToWait.length} without an answer until then`
  );
});
