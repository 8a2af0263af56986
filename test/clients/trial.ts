import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { tryRun } from "../e2e/support/programs.ts";
import type { CaseName, Client } from "./client.ts";
import type { ClientProcess, Said } from "./client-process.ts";
import type { Aws } from "./lab/aws.ts";
import type { Lane } from "./lab/lane.ts";
import type { SignedCall } from "./lab/signed-calls.ts";
import { type Exchange, shorthand } from "./lab/wiretap.ts";

/** What one question came to, from all who saw it. */
export interface Asked {
  readonly said: Said;
  readonly calls: readonly SignedCall[];
  readonly exchanges: readonly Exchange[];
  /** How long the machine's other work held up the host meanwhile. */
  readonly machineDelayMs: number;
}

/** What a client saw on its wire in a case, for the page and for whoever has to find out why. */
export interface Story {
  readonly wire: string;
  readonly slowestMs: number;
  readonly error?: string;
}

export interface TrialParts {
  readonly client: Client;
  readonly lane: Lane;
  readonly aws: Aws;
  /** Kept by whoever runs several cases with one process. */
  readonly process: ClientProcess;
}

/** Every request is answered or closed within this time, whatever happens behind. */
const ANSWER_MS = 1_000;
/** What tcpdump has seen is here by then. */
const WIRE_SETTLES_MS = 60;
const INSTANCE_ID = "i-0123456789abcdef0";
const HOST_ROLE = "mock-ec2-host";

/** One client in one container: asks, and judges what came of it. */
export class Trial {
  readonly role: string;
  readonly lane: Lane;
  readonly aws: Aws;
  readonly #parts: TrialParts;
  readonly #stories: Asked[] = [];

  constructor(caseName: CaseName, parts: TrialParts) {
    this.#parts = parts;
    this.lane = parts.lane;
    this.aws = parts.aws;
    this.role = `${parts.client.name}-${caseName}`.replace(/[^\w]+/g, "-");
  }

  get firstSessionMs(): number | undefined {
    return this.#parts.client.firstSessionMs;
  }

  /** The container appears in Docker. */
  appear(): void {
    this.lane.run(this.role, this.role);
  }

  /** What its process says, what the services saw, and what passed on the wire meanwhile. */
  async ask(): Promise<Asked> {
    const { calls } = this.aws;
    this.lane.wiretap.clear();
    const before = calls.count;
    const delayBefore = this.lane.machineDelayMs;
    const observed = (said: Said): Asked => ({
      said,
      calls: calls.since(before, this.lane.isContainer),
      exchanges: [...this.lane.wiretap.exchanges],
      machineDelayMs: this.lane.machineDelayMs - delayBefore,
    });
    try {
      const said = await this.#parts.process.ask();
      await sleep(WIRE_SETTLES_MS);
      this.#stories.push(observed(said));
      return observed(said);
    } catch (error) {
      this.#stories.push(observed({ error: String(error) }));
      throw error;
    }
  }

  /** It is served, as its container's role and nobody else. @returns the access key it used; none for metadata. */
  async askAsRole(): Promise<string | undefined> {
    const asked = await this.ask();
    this.judgeWire(asked);
    return this.#parts.client.judge === "metadata" ? this.#judgeMetadata(asked) : this.#judgeKeys(asked);
  }

  /** It gets no credentials, and ends. */
  async askInVain(): Promise<void> {
    const asked = await this.ask();
    this.judgeWire(asked);
    assert.equal(asked.said.accessKeyId, undefined, "it has credentials");
    assert.deepEqual(asked.calls, [], "it signed a request");
    assert.ok(asked.exchanges.length > 0, "it never asked");
  }

  /** It ends, with or without metadata, and never with credentials; its requests are answered meanwhile. */
  async askWhileStsHangs(): Promise<void> {
    if (this.#parts.client.judge !== "metadata") return this.askInVain();
    this.judgeWire(await this.ask());
  }

  /** The addresses that it asked. */
  get services(): readonly string[] {
    return [...new Set(this.#stories.flatMap(({ exchanges }) => exchanges.map(({ service }) => service)))];
  }

  /** No request waited longer than a second of a machine that has one to spare, and none is waiting still. */
  judgeWire({ exchanges, machineDelayMs }: Asked): void {
    for (const exchange of exchanges) {
      const waitedMs = (exchange.end?.atMs ?? Date.now()) - exchange.askedAt;
      const told = `${shorthand([exchange])} waited ${Math.round(waitedMs)} ms: ${shorthand(exchanges)}`;
      assert.ok(exchange.end, told);
      assert.ok(
        waitedMs <= ANSWER_MS + machineDelayMs,
        `${told}; the machine was busy for ${Math.round(machineDelayMs)}`,
      );
    }
  }

  /** Another request from the same container, by somebody else. @returns the key id in the document, if it gets one */
  async poke(): Promise<string | undefined> {
    const { stdout } = await tryRun(this.lane.inContainer("sh", "-c", POKE));
    return /"AccessKeyId" *: *"(\w+)"/.exec(stdout)?.[1];
  }

  get story(): Story {
    const exchanges = this.#stories.flatMap((asked) => asked.exchanges);
    const waits = exchanges.map(({ askedAt, end }) => (end?.atMs ?? askedAt) - askedAt);
    const error = this.#stories.at(-1)?.said.error;
    const wire = this.#stories.map((asked) => shorthand(asked.exchanges)).join(" · ");
    return { wire, slowestMs: Math.round(Math.max(0, ...waits)), ...(error !== undefined && { error }) };
  }

  #judgeMetadata({ said, exchanges }: Asked): undefined {
    const text = JSON.stringify(said.metadata ?? "");
    const seen = `${shorthand(exchanges)} ${JSON.stringify(said)}`.slice(0, 600);
    assert.ok(text.includes(INSTANCE_ID) || text.includes(this.role), `it has no metadata: ${seen}`);
    assert.ok(!text.includes(HOST_ROLE), "it was told of the host's own role");
  }

  #judgeKeys({ said, calls, exchanges }: Asked): string {
    const { judge } = this.#parts.client;
    const seen = `${shorthand(exchanges)} ${JSON.stringify({ said, calls })}`;
    const roles = [...new Set(calls.map(({ role }) => role))];
    if (judge !== "key") assert.deepEqual(roles, [this.role], `it did not sign as its role: ${seen}`);
    const { accessKeyId = calls.at(-1)?.accessKeyId ?? "" } = said;
    assert.equal(this.aws.sts.roleOfKey(accessKeyId), this.role, `its key is not its role's: ${seen}`);
    if (judge !== "sts") return accessKeyId;
    const arns = calls.filter(({ service }) => service === "sts").map(({ arn = "refused" }) => arn);
    assert.ok(arns.length > 0, `it never asked STS: ${seen}`);
    for (const arn of arns) assert.match(arn, new RegExp(`:assumed-role/${this.role}/`), seen);
    return accessKeyId;
  }
}

const POKE = `
at=http://169.254.169.254/latest
token=$(curl -s -m 5 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" $at/api/token)
ask() { curl -s -m 5 -H "X-aws-ec2-metadata-token: $token" "$at/meta-data/iam/security-credentials/$1"; }
ask "$(ask "")"`;
