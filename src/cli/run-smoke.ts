import type { Config } from "../app/options.ts";
import { StartError } from "../app/start-error.ts";
import { parseRoleReference } from "../core/role-reference.ts";
import { reportText, withoutAccounts } from "../smoke/report.ts";
import { runSmoke, type SmokeOptions } from "../smoke/smoke.ts";
import { configOrExit } from "./config-or-exit.ts";
import { build } from "./version.ts";

export interface SmokeFlags {
  readonly role?: string;
  readonly label?: readonly string[];
  readonly network?: string;
  readonly image?: string;
  /** True: by the command that is usual. */
  readonly restartDaemon?: string | true;
  readonly afterReboot?: true;
  readonly showAccounts?: true;
  readonly config?: string;
}

const GOOD = 0;
const FAILED = 1;
const USAGE = 2;

/** @param usualRestart what a bare --restart-daemon means @returns the exit code */
export async function runSmokeCommand(flags: SmokeFlags, usualRestart: string): Promise<number> {
  const config = configOrExit({ file: flags.config, environment: process.env, flags: {} });
  const expected = expectedOf(flags.role, config);
  if (typeof expected === "string") return complain(expected, USAGE);
  const stop = stopOnSignals();
  try {
    const { findings, surroundings, isCleared } = await runSmoke({
      ...optionsOf(flags, usualRestart),
      ...{ config, expected, version: build(), tell, stop },
    });
    const report = reportText(findings, surroundings);
    process.stdout.write(flags.showAccounts ? report : withoutAccounts(report));
    return isCleared && !findings.some(({ outcome }) => outcome === "failed") ? GOOD : FAILED;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return complain(error.message, FAILED);
  }
}

const optionsOf = (flags: SmokeFlags, usualRestart: string) => ({
  roleOptions: flags.role === undefined ? [] : ["--label", `taskrole.role=${flags.role}`],
  runOptions: (flags.label ?? []).flatMap((label) => ["--label", label]),
  network: flags.network,
  image: flags.image,
  restart: restartWords(flags.restartDaemon, usualRestart),
  isAfterReboot: flags.afterReboot ?? false,
});

const restartWords = (given: string | true | undefined, usual: string): readonly string[] | undefined =>
  given === undefined ? undefined : (given === true ? usual : given).split(" ").filter(Boolean);

/** @returns a sentence when nobody says which role, or what is said is none */
function expectedOf(
  given: string | undefined,
  { defaultRole, metadataTokens }: Config,
): SmokeOptions["expected"] | string {
  const role = given ?? defaultRole;
  if (role === undefined) {
    return "say with --role which role a container is to have: one that containers of this host may have, e.g. --role containers/web-reader";
  }
  const parsed = parseRoleReference(role);
  if (parsed.kind === "bad-role-reference") return `--role "${role}" is no role, because ${parsed.reason}`;
  return { role, roleName: parsed.name, metadataTokens };
}

/** What was made is taken away first: the run ends at its next step. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (!stop.signal.aborted) tell(`${signal}: taking away what was made`);
      stop.abort(new StartError(`ended by ${signal}; no report`));
    });
  }
  return stop.signal;
}

const tell = (line: string): void => void process.stderr.write(`taskrole smoke: ${line}\n`);

function complain(sentence: string, exitCode: number): number {
  tell(sentence);
  return exitCode;
}
