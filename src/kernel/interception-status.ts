import type { ListedBinding } from "./binding-table.ts";

/** "changed" includes what others added to it. */
export type PartState = "present" | "absent" | "changed";

/** "brief" leaves out what monitors tell of at once: the elements of sets, and the routing rules. */
export type CheckDepth = "whole" | "brief";

/** One thing that must be there for the interception to work. */
export interface InterceptionPart {
  /** As nft or ip names it, e.g. "chain inet taskrole forward". */
  readonly name: string;
  readonly state: PartState;
  /** What differs; empty unless the part is changed. */
  readonly differences: readonly string[];
}

export interface RuleCounter {
  readonly rule: string;
  /** Since the table was last loaded. */
  readonly packets: number;
}

export interface InterceptionStatus {
  /** What a running daemon has bound. */
  readonly bindings: readonly ListedBinding[];
  /** True when every part is present. */
  readonly isInPlace: boolean;
  readonly parts: readonly InterceptionPart[];
  readonly counters: readonly RuleCounter[];
  /** Sentences for the operator on what loading the rules again would not change. */
  readonly warnings: readonly string[];
}
