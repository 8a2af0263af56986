import type { CommandOutcome } from "../kit/run-command.ts";

/** Why the packet rules could not be read or changed. */
export type InterceptionFailure =
  | { readonly kind: "not-linux" }
  | { readonly kind: "program-missing"; readonly program: string }
  | { readonly kind: "not-permitted"; readonly command: string }
  /** `said` is the program's own explanation, for the operator. */
  | { readonly kind: "refused"; readonly command: string; readonly ended: string; readonly said: string }
  | { readonly kind: "unreadable"; readonly command: string }
  | { readonly kind: "no-interface"; readonly name: string }
  /** `because` is a whole sentence. */
  | { readonly kind: "unguardable"; readonly because: string }
  /** `setting` of the kernel; `reason` completes "…, because …". */
  | { readonly kind: "ports-unseen"; readonly setting: string; readonly reason: string }
  /** Loading succeeded, and what the kernel shows is still not what was loaded. */
  | { readonly kind: "not-mended"; readonly parts: readonly string[] };

/** Its message is one sentence with the thing and the place; its remedy is what the operator can do about it. */
export class InterceptionError extends Error {
  override readonly name = "InterceptionError";
  readonly failure: InterceptionFailure;
  readonly remedy: string;

  /** @param orElse a further remedy: a sentence */
  constructor(failure: InterceptionFailure, orElse?: string) {
    const { sentence, remedy } = explain(failure);
    super(sentence);
    this.failure = failure;
    this.remedy = orElse === undefined ? remedy : `${remedy} ${orElse}`;
  }
}

interface Explanation {
  readonly sentence: string;
  readonly remedy: string;
}

const ELSEWHERE =
  "Or set interception to none and bring the containers' requests here another way; see docs/interception.md.";

/** By program name; Debian, Ubuntu, Amazon Linux, Fedora and Alpine agree on nftables, not on the other. */
const PACKAGES: Readonly<Record<string, string>> = {
  nft: "nftables",
  "iptables-save": "iptables",
  "iptables-restore": "iptables",
  "ip6tables-save": "iptables (on Alpine: ip6tables)",
  "ip6tables-restore": "iptables (on Alpine: ip6tables)",
  ip: "iproute2 (Debian, Ubuntu, Alpine) or iproute (Amazon Linux, Fedora)",
};

function explain(failure: InterceptionFailure): Explanation {
  switch (failure.kind) {
    case "not-linux":
      return {
        sentence: `Cannot intercept metadata requests on ${process.platform}: the packet rules are Linux's.`,
        remedy: "Run taskrole on the Linux host that runs the containers.",
      };
    case "program-missing":
      return {
        sentence: `Cannot run ${failure.program}: there is no such program in PATH, /usr/sbin or /sbin.`,
        remedy: `Install the package ${PACKAGES[failure.program] ?? failure.program}. ${ELSEWHERE}`,
      };
    case "not-permitted":
      return {
        sentence: `Cannot run "${failure.command}": this process may not change the host's network (CAP_NET_ADMIN).`,
        remedy:
          "Run it as root, or give the service AmbientCapabilities=CAP_NET_ADMIN " +
          "(in a container: --network host --cap-add NET_ADMIN, and no-new-privileges only with --user 0).",
      };
    case "refused":
      return {
        sentence: `"${failure.command}" ${failure.ended}${failure.said === "" ? "." : `, saying:\n${failure.said}`}`,
        remedy: `Correct what it names; "taskrole interception print" shows all that is asked of it. ${ELSEWHERE}`,
      };
    case "unreadable":
      return {
        sentence: `Cannot read what "${failure.command}" printed: it is not the JSON listing expected of it.`,
        remedy: "Install nftables (0.9.8 or later) and iproute2 (4.17 or later); the ip of BusyBox knows no -j.",
      };
    case "not-mended":
      return {
        sentence: `The packet rules were loaded again and still differ: ${failure.parts.join("; ")}.`,
        remedy: "Something changes them at once: `nft monitor` shows which program; two daemons cannot share a host.",
      };
    default:
      return explainRules(failure);
  }
}

/** Of what this host lacks for one part of the rules. */
function explainRules(
  failure: Extract<InterceptionFailure, { kind: "no-interface" | "unguardable" | "ports-unseen" }>,
): Explanation {
  switch (failure.kind) {
    case "no-interface":
      return {
        sentence: `Cannot guard ${failure.name}: this host has no such network interface.`,
        remedy: "Correct the setting guardedUplinks; `ip link` lists the interfaces.",
      };
    case "unguardable":
      return {
        sentence: `Cannot guard the uplinks. ${failure.because}`,
        remedy:
          "It takes Linux 5.16 or later and nftables 1.0.1 or later. Without them leave guardedUplinks empty, and give no " +
          "container a macvlan or ipvlan network: from there it reaches the host's role.",
      };
    case "ports-unseen":
      return {
        sentence: `Cannot tie addresses to their containers any more, because ${failure.reason}.`,
        remedy:
          `Set it back: modprobe br_netfilter; sysctl -w ${failure.setting}=1. Or start taskrole again: it then tells ` +
          "containers apart by their address alone.",
      };
    default:
      return unreachable(failure);
  }
}

function unreachable(failure: never): never {
  throw new Error(`no words for ${JSON.stringify(failure)}`);
}

/** The failure behind an outcome other than success. */
export function commandFailure(argv: readonly string[], run: FailedRun): InterceptionFailure {
  const { outcome, mayChangeNetwork } = run;
  if (outcome.kind === "missing") return { kind: "program-missing", program: argv[0] ?? "" };
  const command = shortened(argv);
  if (outcome.kind === "exited" && !mayChangeNetwork) return { kind: "not-permitted", command };
  const said = "stderr" in outcome ? outcome.stderr.trim() : "";
  return { kind: "refused", command, ended: ending(outcome), said };
}

export interface FailedRun {
  readonly outcome: CommandOutcome;
  readonly mayChangeNetwork: boolean;
}

function ending(outcome: CommandOutcome): string {
  switch (outcome.kind) {
    case "exited":
      return `ended with code ${outcome.code}`;
    case "missing":
      return "was not found";
    case "not-started":
      return `could not be started (${outcome.errorCode})`;
    case "killed":
      return `was ended by ${outcome.by}`;
  }
}

/** A ruleset is an argument of many lines: its first says which it is. */
const shortened = (argv: readonly string[]): string =>
  argv
    .map((argument) => (argument.includes("\n") ? `${argument.slice(0, argument.indexOf("\n"))} …` : argument))
    .join(" ");

/** What a program says that did not do what it was asked; undefined when it did. */
export function refusalIn(outcome: CommandOutcome): string | undefined {
  if (outcome.kind === "exited" && outcome.code === 0) return undefined;
  return "stderr" in outcome && outcome.stderr.trim() !== "" ? outcome.stderr.trim() : ending(outcome);
}
