import { setTimeout as sleep } from "node:timers/promises";
import { isServed } from "./asker.ts";
import type { FaultyHost, FaultyWorkload } from "./faulty-host.ts";
import { assertOwnSessions, assertWellFormed, ServedWhileValid } from "./rules.ts";

export interface CrowdOptions {
  readonly size: number;
  /** Between two sequences of one container. */
  readonly pauseMs: number;
  readonly random: () => number;
}

/** What came of it so far. */
export interface CrowdCount {
  asked: number;
  served: number;
  containers: number;
  /** The first few broken rules, in words. */
  readonly wrong: string[];
}

const WORDS_KEPT = 5;

interface Member {
  readonly workload: FaultyWorkload;
  isLeaving: boolean;
  gone: Promise<void>;
}

/** Containers that ask all the time, each with a role of its own; they come and go. Every answer is judged when it comes. */
export class Crowd {
  readonly count: CrowdCount = { asked: 0, served: 0, containers: 0, wrong: [] };
  readonly #host: FaultyHost;
  readonly #options: CrowdOptions;
  readonly #members: Member[] = [];

  constructor(host: FaultyHost, options: CrowdOptions) {
    this.#host = host;
    this.#options = options;
    while (this.#members.length < options.size) this.#join();
  }

  /** One goes, and another comes. */
  async replaceOne(): Promise<void> {
    const [leaving] = this.#members.splice(Math.floor(this.#options.random() * this.#members.length), 1);
    if (leaving) await this.#leave(leaving);
    this.#join();
  }

  async disperse(): Promise<void> {
    await Promise.all(this.#members.splice(0).map((member) => this.#leave(member)));
  }

  #join(): void {
    const workload = this.#host.run(`soak-${this.count.containers}`);
    this.count.containers += 1;
    const member: Member = { workload, isLeaving: false, gone: Promise.resolve() };
    this.#members.push(member);
    member.gone = this.#asking(member);
  }

  async #leave(member: Member): Promise<void> {
    member.isLeaving = true;
    await member.gone;
    this.#host.remove(member.workload);
  }

  async #asking(member: Member): Promise<void> {
    const { workload } = member;
    const { pauseMs, random } = this.#options;
    const rule = new ServedWhileValid();
    while (!member.isLeaving) {
      await sleep(pauseMs * 2 * random());
      const reply = await workload.ask();
      this.count.asked += 1;
      if (isServed(reply)) this.count.served += 1;
      try {
        assertWellFormed(reply);
        assertOwnSessions([reply], workload.role, this.#host.ec2);
        rule.check(reply);
      } catch (error) {
        if (this.count.wrong.length < WORDS_KEPT) this.count.wrong.push(`${workload.role}: ${String(error)}`);
      }
    }
  }
}
