import type { Credentials } from "../core/credentials.ts";
import { type Failure, Refusal } from "../core/failure.ts";
import { type Grant, type GrantSettings, grantFor, needsHome, nominationOf } from "../core/grant.ts";
import type { Peer } from "../core/peer.ts";
import type { HomeAccount } from "../core/role-arn.ts";
import { type Workload, workloadKey } from "../core/workload.ts";
import { type Sleep, TIMED_OUT, withDeadline } from "../kit/deadline.ts";
import type { CredentialCache } from "./credential-cache.ts";
import type { Binding, WorkloadResolver } from "./workload-resolver.ts";

export interface BrokerParts {
  readonly resolver: WorkloadResolver;
  readonly cache: CredentialCache;
  readonly settings: GrantSettings;
  /** Asked only for roles written without account. @throws Refusal `upstream-unavailable` */
  readonly home: () => Promise<HomeAccount>;
  /** By other rules than before it has no role any more, or another. */
  readonly onRoleLost: (workload: Workload) => void;
  readonly sleep: Sleep;
  /** The cache's: milliseconds of a clock that never goes back. */
  readonly uptime: () => number;
  /** How long one caller waits, for STS and for `home` together: less than the least patient SDK (Go v2: 500 ms to the head). */
  readonly waitForStsMs: number;
}

/** What the surfaces ask of the product. */
export interface Broker {
  /** @throws Refusal when nobody can say, or may say, who asks */
  identify(peer: Peer): Promise<Binding>;
  /** Until when a request that comes now may be kept waiting, whatever it asks. Of a clock that never goes back. */
  deadline(): number;
  /**
   * The role this workload has. Refuses; never falls back to the host's own role or to another's.
   *
   * @param until default: {@link Broker.deadline}
   */
  grantFor(workload: Workload, until?: number): Promise<Grant>;
  /** @param binding on whose behalf; @param grant as {@link Broker.grantFor} gave it for the same workload */
  credentialsFor(binding: Binding, grant: Grant, until?: number): Promise<Credentials>;
}

/** Each link has such addresses of its own, so one of them says nothing about who asks. */
const LINK_LOCAL = /^fe[89ab][0-9a-f]:/;

/** A timer may ring so much early. */
const TIMER_MS = 1;

/** The whole product in one file: who is asking, what may they be, here are the keys. */
export class CredentialBroker implements Broker {
  #parts: BrokerParts;
  /**
   * One life of a workload says one thing of itself, so it is decided once for each, until it is decided by other rules: granted, or
   * refused. One that is refused may ask as often as it likes, and its words may be long.
   */
  #decided = new WeakMap<Workload, Grant | Refusal>();
  /** Who uses which session: kept renewed for as long as the binding holds. */
  readonly #users = new Map<Binding, Grant>();
  /** Let go; requests that have one may still finish by it. */
  readonly #gone = new WeakSet<Binding>();

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  async identify(peer: Peer): Promise<Binding> {
    const { address } = peer;
    if (LINK_LOCAL.test(address)) throw new Refusal({ kind: "unknown-peer", address });
    const binding = await this.#parts.resolver.resolve(peer);
    if (!binding) throw new Refusal({ kind: "unknown-peer", address });
    return binding;
  }

  deadline(): number {
    return this.#parts.uptime() + this.#parts.waitForStsMs;
  }

  async grantFor(workload: Workload, until = this.deadline()): Promise<Grant> {
    const grant = this.#grantOf(workload) ?? (await this.#within(until, this.#decide(workload)));
    if (grant !== TIMED_OUT) return grant;
    const reason = `no answer within ${this.#parts.waitForStsMs} ms; it is still waited for`;
    throw new Refusal({ kind: "upstream-unavailable", what: "latest/dynamic/instance-identity/document", reason });
  }

  #grantOf(workload: Workload): Grant | undefined {
    const known = this.#decided.get(workload);
    return known instanceof Refusal ? undefined : known;
  }

  /** However long it takes to learn the host's own account. */
  async #decide(workload: Workload): Promise<Grant> {
    const [decided, parts] = [this.#decided, this.#parts]; // both of the moment that it begins
    const known = decided.get(workload) ?? (await judge(workload, parts));
    decided.set(workload, known);
    if (known instanceof Refusal) throw known;
    return known;
  }

  async credentialsFor(binding: Binding, grant: Grant, until = this.deadline()): Promise<Credentials> {
    this.#noteUse(binding, grant);
    const { cache } = this.#parts;
    const held = cache.get(grant, "awaited");
    if (!(held instanceof Promise)) return held;
    const credentials = await this.#within(
      until,
      held.catch((error: unknown) => this.#onceMore(grant, until, error)),
    );
    if (credentials !== TIMED_OUT) return credentials;
    throw cache.troubleOf(grant) ?? new Refusal({ kind: "credentials-pending", roleArn: grant.roleArn });
  }

  /** What failed and may pass is tried again while the caller can wait for it: some SDKs do not ask again. */
  async #onceMore(grant: Grant, until: number, error: unknown): Promise<Credentials> {
    const { cache, sleep, uptime } = this.#parts;
    const at = cache.retryForCallerAt(grant);
    if (at === undefined || at >= until) throw error;
    await sleep(Math.max(0, Math.ceil(at - uptime()) + TIMER_MS));
    return cache.get(grant, "awaited");
  }

  #within<T>(until: number, task: Promise<T>): Promise<T | typeof TIMED_OUT> {
    const { uptime, sleep } = this.#parts;
    return withDeadline(task, Math.max(0, until - uptime()), sleep);
  }

  /** Fetches what a workload will ask for that does not run yet; what fails here fails again, loudly, when it does ask. */
  async anticipate(workload: Workload): Promise<void> {
    await this.#parts.cache.get(await this.#decide(workload), "prefetch");
  }

  /** The same for one that has its address; from now on its session is kept renewed. One that shows as another is judged anew. */
  async prefetch(binding: Binding): Promise<void> {
    const former = this.#users.get(binding);
    if (former && !this.#grantOf(binding.workload)) {
      this.#users.delete(binding);
      return this.#judgeAnew(binding, former);
    }
    const grant = await this.#decide(binding.workload);
    if (this.#gone.has(binding)) return;
    this.#noteUse(binding, grant);
    await this.#parts.cache.get(grant, "prefetch");
  }

  /** The binding ended: nobody's session is kept, or still fetched ahead, for its sake any more. */
  letGo(binding: Binding): void {
    this.#gone.add(binding);
    const grant = this.#users.get(binding);
    this.#users.delete(binding);
    if (grant && !this.#hasUser(grant)) this.#parts.cache.callOff(grant);
  }

  /**
   * Renews what is at half its life, whether or not anybody asks: SDKs remember a session for most of an hour and expect a
   * long one when they come back. What failed is tried again, and what no living workload uses is let go. To be called about
   * once a second.
   */
  keepSessions(): void {
    const { cache } = this.#parts;
    if (!cache.isTimeToLook()) return;
    for (const [binding, grant] of this.#users) {
      if (!cache.wants(grant)) continue;
      if (!binding.isCurrent()) this.#users.delete(binding);
      else void Promise.resolve(cache.get(grant, "prefetch")).catch(() => {}); // the cache has told of it
    }
    cache.sweep();
  }

  /**
   * From the next request on, everything is decided anew by these rules; a request under way ends as it began. What a
   * workload may still have is kept renewed, and what it may not any more is let go.
   */
  decideBy(decision: Pick<BrokerParts, "settings" | "home">): void {
    this.#parts = { ...this.#parts, ...decision };
    this.#decided = new WeakMap();
    const users = [...this.#users];
    this.#users.clear();
    const told = new Set<string>();
    for (const [binding, former] of users) void this.#judgeAnew(binding, former, told);
  }

  /**
   * What is refused is told when the workload asks.
   *
   * @param told of the same cause, by life: one that has several addresses is judged at each, and loses its role once
   */
  async #judgeAnew(binding: Binding, former: Grant, told = new Set<string>()): Promise<void> {
    const { workload } = binding;
    const grant = await this.#decide(workload).catch((error: unknown) => (isUndecided(error) ? former : undefined));
    if (grant?.roleArn !== former.roleArn && !told.has(workloadKey(workload))) {
      told.add(workloadKey(workload));
      this.#parts.onRoleLost(workload);
    }
    await this.prefetch(binding).catch(() => {});
  }

  #hasUser({ sessionKey }: Grant): boolean {
    for (const used of this.#users.values()) if (used.sessionKey === sessionKey) return true;
    return false;
  }

  /** A grant by rules that are not in force any more is served to the request that had it, and not kept. */
  #noteUse(binding: Binding, grant: Grant): void {
    const isInForce = this.#grantOf(binding.workload)?.sessionKey === grant.sessionKey;
    if (isInForce && !this.#gone.has(binding)) this.#users.set(binding, grant);
  }
}

/** @returns a refusal that holds for as long as the workload says the same and is judged by the same; any other is thrown */
async function judge(workload: Workload, parts: Pick<BrokerParts, "settings" | "home">): Promise<Grant | Refusal> {
  try {
    const nomination = nominationOf(workload, parts.settings);
    const home = needsHome(nomination) ? await parts.home() : undefined; // the same whenever it is known
    return grantFor(workload, nomination, { settings: parts.settings, home });
  } catch (error) {
    if (error instanceof Refusal && LASTING.has(error.failure.kind)) return error;
    throw error;
  }
}

/** Of what the workload says and the operator's settings alone: nothing that passes by itself. */
const LASTING: ReadonlySet<Failure["kind"]> = new Set([
  "no-role",
  "bad-role",
  "no-rule",
  "role-refused",
  "bad-session",
]);

/** The host's own account is not known at the moment. */
const isUndecided = (error: unknown): boolean =>
  error instanceof Refusal && error.failure.kind === "upstream-unavailable";
