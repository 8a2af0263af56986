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
import { type Turn, Turns } from "./support/turns.ts";

/**
 * More containers a second than an engine can start: real processes, links, namespaces and rules, real events, and
 * behind the Engine's socket a stand-in that tells what Docker tells.
 */
const SECONDS = Number(process.env["CHURN_SECONDS"] ?? 120);

/** Containers a second that say that the machine kept up. */
const PACE = 20;
/**
 * A machine with other things to do delays the daemon's hearing of an owner's end, and the first packet of the next is
 * dropped meanwhile, which takes its kernel a second to mend, as long as botocore waits. So few of a thousand may meet that.
 */
const LATE_OF_A_THOUSAND = 2;
const LATE_MS = 1_000;

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

succeedsWithout("churn", async () => {
  const taken: Turn[] = [];
  for (let i = 0; i < 20; i++) taken.push(await turns.take("late"));
  const wrong = taken.filter(isWrong);
  assert.ok(wrong.length > 0, taken.map(inWords).join("; "));
  return `${wrong.length} of ${taken.length} got the role of the one before`;
});

failsWith("churn", async () => {
  await addressAlone.end();
  await turns.take("docker-28");
  const strangers = await instance.strangersAtMetadata();
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
  assert.ok(unanswered.length <= (rate >= PACE ? 0 : taken.length / 100), unanswered.map(inWords).join("; "));
  const late = taken.filter(({ answer }) => answer.tookMs >= LATE_MS);
  const mayBeLate = rate >= PACE ? (taken.length * LATE_OF_A_THOUSAND) / 1_000 : taken.length / 100;
  assert.ok(late.length <= mayBeLate, late.map(inWords).join("; "));
  assert.equal((await instance.strangersAtMetadata()) - strangers, 0);
  return `0 wrong and ${unanswered.length} unanswered of ${taken.length} containers in ${SECONDS} s, ${rate.toFixed(0)} a second`;
});
