import type { ListedBinding } from "./binding-table.ts";
import type { CheckDepth, InterceptionPart, RuleCounter } from "./interception-status.ts";
import type { IpFamily } from "./ip-rules.ts";

/** Packet rules that are loaded, compared and removed as one. Every method throws InterceptionError. */
export interface RuleSet {
  /** Puts all of it in place, whatever is there now, and at no moment less than what was there before. */
  load(): Promise<void>;
  check(depth: CheckDepth): Promise<RuleSetReport>;
  /** Gives the names of what was there. Where the program that would have made the rules does not work, none are. */
  remove(): Promise<readonly string[]>;
}

export interface RuleSetReport {
  readonly parts: readonly InterceptionPart[];
  /** False when something is amiss with what ties addresses to their owners. */
  readonly areBindingsWhole: boolean;
  readonly counters: readonly RuleCounter[];
  /** Sentences for the operator on what loading the rules again would not change. */
  readonly warnings: readonly string[];
}

export interface BindingReport {
  readonly bindings: readonly ListedBinding[];
  /** Of the rules that keep them, where {@link RuleSet.check} has them only with bindings of its own. */
  readonly counters: readonly RuleCounter[];
}

/** The rules that bring requests here; they also hold the bindings. */
export interface InterceptingRules extends RuleSet {
  /** False where the addresses of a family cannot be tied to anything; known after the first load. */
  canBind(family: IpFamily): boolean;
  /** What the kernel has of bindings, whoever made them. */
  readBindings(): Promise<BindingReport>;
}
