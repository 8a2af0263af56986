import type { Config } from "../app/options.ts";
import type { AnswerHops } from "../kernel/answer-hops.ts";
import type { ForeignRules } from "./foreign-rules.ts";
import type { Journal } from "./journal.ts";
import type { Obstacle } from "./obstacles.ts";
import type { Unwritable } from "./unwritable.ts";

/** What was found on a host before anything is changed. All of it is read; nothing of it changes the host. */
export interface Survey {
  readonly isRoot: boolean;
  /** Where this very program lies; undefined when it is no executable of its own (from source, or from npm). */
  readonly executable: string | undefined;
  /** "252"; undefined where systemd does not run this host. */
  readonly systemd: string | undefined;
  /** Of useradd and userdel. */
  readonly missingPrograms: readonly string[];
  /** Whether packet rules can be read and made here; "unseen" where that takes root. */
  readonly interception: InterceptionSight;
  /** "1.0.6"; undefined where there is none. */
  readonly nft: string | undefined;
  readonly docker: DockerSight;
  /** Where Docker will put containers that hostNetwork is not kept for, whether there are any yet: "system.slice". */
  readonly unnamedCgroup: string | undefined;
  readonly foreign: ForeignRules;
  /** True when something listens on the daemon's port, and it is not systemd's socket of ours. */
  readonly isPortTaken: boolean;
  /** Undefined where no metadata service answers. */
  readonly instanceId: string | undefined;
  /** Whether that service's answers would reach containers; undefined where it cannot be told. */
  readonly answerHops: AnswerHops | undefined;
  readonly hasUser: boolean;
  /** That user's account where one can log in by it, which no installation made; undefined otherwise. */
  readonly login: Login | undefined;
  /** A group of that name and no such user. */
  readonly hasGroupAlone: boolean;
  /** Of the settings' file: it may be there without that. */
  readonly hasConfigFolder: boolean;
  /** Of the drop-in for containers' scopes: another's may lie there. */
  readonly hasDropInFolder: boolean;
  /** Of each file that an installation may write: its SHA-256, or undefined where it is not there. */
  readonly files: Readonly<Record<string, string | undefined>>;
  /** Of the folders that an installation writes into. */
  readonly unwritable: readonly Unwritable[];
  /** What keeps the daemon from its program, its settings and the files that they name. */
  readonly obstacles: readonly Obstacle[];
  /** By the name of the unit. */
  readonly units: Readonly<Record<string, UnitState>>;
  /** True when the daemon that runs is another file than the program in its place. */
  readonly isDaemonOutdated: boolean;
  /** Of an earlier installation. */
  readonly journal: Journal | undefined;
}

export interface Login {
  readonly uid: number;
  readonly shell: string;
}

export interface UnitState {
  readonly isEnabled: boolean;
  readonly isActive: boolean;
  /** Its file is another than systemd read. */
  readonly needsReload: boolean;
}

export type InterceptionSight =
  | { readonly kind: "works" /** Sentences. */; readonly warnings: readonly string[] }
  | { readonly kind: "fails"; readonly sentence: string; readonly remedy: string }
  | { readonly kind: "unseen" };

export type DockerSight =
  /** `group` may open its socket; undefined where that is root alone. */
  | { readonly kind: "socket"; readonly path: string; readonly group: string | undefined }
  | { readonly kind: "tcp" }
  | { readonly kind: "absent"; readonly path: string };

/** What the operator wants, checked. */
export interface Wishes {
  readonly config: Config;
  /** The text of the settings' file to write; undefined: what is there stays, and where nothing is, an empty one. */
  readonly settings: string | undefined;
}
