import type { Sights } from "../probe/sight.ts";
import type { Watch } from "../probe/watch.ts";
import type { BootFacts } from "./boot-order.ts";
import type { DecidedRole } from "./decided-role.ts";
import type { HostNetworkSeen } from "./host-network-seen.ts";

/** What should be, by the settings and by what was asked for. */
export interface Expected {
  /** As an operator wrote it. */
  readonly role: string;
  /** Of containers that name it, or of all where nobody does. */
  readonly roleName: string;
  /** Of a container that names none. */
  readonly ofNameless: DecidedRole;
  readonly metadataTokens: "required" | "optional";
}

/** What the real metadata service says to the host itself; `roleName` "" where the instance has no profile. */
export type HostRole =
  | { readonly roleName: string; readonly accessKeyId: string }
  /** It could not be asked. */
  | { readonly unknown: string };

export type RulesSeen =
  /** By name, with what is wrong with it; and what this host cannot keep of the settings. */
  | { readonly missing: readonly string[]; readonly warnings: readonly string[] }
  | { readonly unknown: string }
  /** interception: none */
  | "not ours";

/** All that a run saw; what becomes of it is decided in checks.ts. */
export interface Observations {
  readonly expected: Expected;
  readonly host: HostRole;
  readonly rules: RulesSeen;
  /** The container that is to have the role. */
  readonly named: Sights;
  /** The same, started a second time. */
  readonly namedAgain: Sights;
  /** A container that names no role. */
  readonly nameless: Sights;
  readonly onHostNetwork: HostNetworkSeen;
  /** While the daemon was restarted; undefined: it was not. */
  readonly watch: Watch | undefined;
  readonly boot: BootFacts;
  /** Whether the host was booted a moment ago, so that the order of its start can be judged. */
  readonly isAfterReboot: boolean;
}

export interface Finding {
  readonly check: string;
  readonly outcome: "passed" | "failed" | "not checked";
  /** What was seen; of what failed also what to do. */
  readonly seen: string;
}
