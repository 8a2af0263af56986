import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { EpochMs } from "../../../src/core/credentials.ts";
import { type ColdLot, type Fault, USUAL_MS } from "../faults.ts";
import { isServed, type Reply, type Watch } from "./asker.ts";
import type { FaultyHost, FaultyWorkload, LogLine } from "./faulty-host.ts";
import { assertDecent, assertOwnSessions, kindOf, servedWhileValid, tellingLine } from "./rules.ts";

const HOLDERS_PAUSE_MS = 100;
/** As fast as nobody asks, so that it is not their patience that spares STS. */
const COLD_PAUSE_MS = 30;
/** After a fault of some seconds. */
const RECOVERY_MS = 10_000;
const DENIAL_MS = 20_000;
/** Calls to STS for one session while a fault lasts, and until it is over: tries ever further apart, and the SDK's own second ones. */
const MOST_CALLS_A_SESSION = 24;

/** What was seen of one fault, in words. */
export interface Seen {
  readonly holder: string;
  readonly cold: string;
  readonly operator: string;
}

/** They hold credentials when a fault begins, and ask all the time. */
export class Holders {
  readonly #workloads: readonly (readonly [FaultyWorkload, Watch])[];

  constructor(workloads: readonly FaultyWorkload[]) {
    this.#workloads = workloads.map((workload) => [workload, workload.watch(HOLDERS_PAUSE_MS)]);
  }

  async areServed(since: EpochMs, withinMs: number): Promise<void> {
    for (const [{ role }, watch] of this.#workloads) {
      assert.ok(await watch.until(isServed, since, withinMs), `${role} is not served within ${withinMs} ms`);
    }
  }

  /** @returns in words, what they saw since then of what they were promised; "" where there is nobody */
  check(host: FaultyHost, since: EpochMs): string {
    if (this.#workloads.length === 0) return "";
    const promised = this.#workloads.flatMap(([{ role }, { replies }]) => {
      const isRecent = ({ begunAt }: Reply): boolean => begunAt >= since;
      assertDecent(replies.filter(isRecent));
      assertOwnSessions(replies, role, host.ec2);
      return servedWhileValid(replies).filter(isRecent);
    });
    assert.ok(promised.length > 0, "somebody held valid credentials, and asked");
    return `200: ${promised.length} of ${promised.length} answers, the slowest ${slowest(promised)} ms`;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workloads.map(([, watch]) => watch.stop()));
  }
}

/** Lets one fault happen to a host whose {@link Holders} ask, and has somebody come who holds nothing yet. */
export async function tryFault(host: FaultyHost, holders: Holders, fault: Fault & { id: string }): Promise<Seen> {
  const begunAt = Date.now();
  await fault.begins(host.ec2);
  const newcomer = host.run(`cold-${fault.id}`);
  const watch = newcomer.watch(COLD_PAUSE_MS);
  try {
    await sleep(fault.lastsMs ?? USUAL_MS);
    const meanwhile = [...watch.replies];
    await fault.ends(host.ec2);
    const endedAt = Date.now();
    assertCold(fault.cold, meanwhile);
    const served = await firstServed(watch, endedAt, patienceFor(fault));
    await holders.areServed(endedAt, patienceFor(fault));
    assertDecent(watch.replies);
    assertOwnSessions(watch.replies, newcomer.role, host.ec2);
    assertFewCalls(host, begunAt);
    const told = fault.operator && tellingLine(host.linesSince(begunAt), fault.operator);
    return {
      holder: holders.check(host, begunAt),
      cold: coldInWords(fault.cold, { meanwhile, recoveryMs: served.begunAt + served.tookMs - endedAt }),
      operator: told ? toldInWords(told) : "nothing out of the ordinary",
    };
  } finally {
    await fault.ends(host.ec2);
    await watch.stop();
    host.remove(newcomer);
  }
}

/** A "no" of STS is remembered for longer than a failure. */
const patienceFor = ({ cold }: Fault): number => (cold === "denied" ? DENIAL_MS : RECOVERY_MS);

async function firstServed(watch: Watch, since: EpochMs, withinMs: number): Promise<Reply> {
  const served = await watch.until(isServed, since, withinMs);
  if (served) return served;
  return assert.fail(`not served within ${withinMs} ms of the end: ${JSON.stringify(watch.replies.at(-1))}`);
}

function assertCold(lot: ColdLot, replies: readonly Reply[]): void {
  assert.ok(replies.length > 0, "it asked");
  const said = replies.map(({ status, code }) => code ?? String(status));
  const [first, last] = [said.at(0), said.at(-1)];
  const kinds = [...new Set(said)];
  if (lot === "waits") assert.deepEqual(kinds, ["503"]);
  if (lot === "served") assert.deepEqual(kinds, ["Success"]);
  if (lot === "late") assert.deepEqual([first, last], ["503", "Success"]);
  if (lot === "denied") assert.ok(!kinds.includes("Success") && last === "AssumeRoleUnauthorizedAccess", said.join());
}

/** Without these bounds whoever asks without a pause makes a failing STS fail for longer. */
function assertFewCalls({ ec2 }: FaultyHost, since: EpochMs): void {
  const calls = ec2.callsSince(since);
  for (const role of new Set(calls.map(({ roleName }) => roleName))) {
    const count = calls.filter(({ roleName }) => roleName === role).length;
    assert.ok(count <= MOST_CALLS_A_SESSION, `${count} calls for ${role} in ${Date.now() - since} ms`);
  }
}

interface ColdSeen {
  readonly meanwhile: readonly Reply[];
  readonly recoveryMs: number;
}

function coldInWords(lot: ColdLot, { meanwhile, recoveryMs }: ColdSeen): string {
  const words = {
    waits: `503 within ${slowest(meanwhile)} ms; 200 ${seconds(recoveryMs)} s after its end`,
    denied: `200 with \`AssumeRoleUnauthorizedAccess\`; credentials ${seconds(recoveryMs)} s after its end`,
    late: `503 within ${slowest(meanwhile)} ms, and 200 when it asks again`,
    served: `200, the slowest after ${slowest(meanwhile)} ms`,
  };
  return words[lot];
}

function toldInWords(line: LogLine): string {
  const words = `${shortened(line["reason"])}. *${shortened(line["remedy"])}*`;
  const kind = kindOf(line);
  return kind === undefined ? words : `\`${String(kind)}\`: ${words}`;
}

const shortened = (text: unknown): string =>
  String(text)
    .replace(/arn:aws:iam::\d+:role\/[\w-]+/g, "ROLE")
    .replace(/arn:aws:sts::\d+:assumed-role\/[\w/-]+/g, "HOST")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME");

const slowest = (replies: readonly Reply[]): number => Math.round(Math.max(...replies.map(({ tookMs }) => tookMs)));
const seconds = (ms: number): string => (ms / 1000).toFixed(1);
