/**
 * `npm run bench`: what dist/taskrole costs, beside servers that only send constants. docs/benchmarks.md says what each
 * figure means. Exits 1 when something did not work; figures that miss their aim are shown, and exit 0.
 */
import { access } from "node:fs/promises";
import { parseArgs } from "node:util";
import { measureBindings, whyNoBindings } from "./bindings.ts";
import { decisionAimsReport, decisionsReport, measureDecisions } from "./decisions.ts";
import { HERD, measureHerd } from "./herd.ts";
import { herdAimsReport, herdReport } from "./herd-report.ts";
import { machineLines } from "./machine.ts";
import { cCompiler } from "./programs.ts";
import {
  aimsReport,
  manyContainersReport,
  memoryReport,
  sequencesReport,
  settingLines,
  startsReport,
} from "./report.ts";
import { measureRuntimes } from "./runtimes.ts";
import { runtimesReport } from "./runtimes-report.ts";
import { prepare, type Setting } from "./setting.ts";
import { CONTAINERS, MOST_CONTAINERS, measureManyContainers, measureStarts, measureWarm, type Plan } from "./stages.ts";

const FULL: Plan = {
  turns: 9,
  warmUpSeconds: 4,
  roundSeconds: 2,
  starts: 11,
  herds: 5,
  holds: { alone: 50, rounds: 10 },
};
const QUICK: Plan = {
  turns: 3,
  warmUpSeconds: 2,
  roundSeconds: 0.7,
  starts: 5,
  herds: 2,
  holds: { alone: 15, rounds: 3 },
};

const USAGE = `npm run bench -- [--quick] [--only requests|runtimes|herd|bindings|decisions|docker] [--taskrole FILE]

  --quick           fewer and shorter rounds: a look, not a figure to quote
  --only PART       requests: on loopback, without packet rules; runtimes: the executable, the npm package and the source,
                    of one commit; herd: a thousand containers that ask at once, and STS's pace;
                    bindings: what the kernel's part costs; decisions: who may have which role, by ten thousand rules;
                    docker: how long new containers of a real Docker Engine wait for their first answer
  --taskrole FILE   the executable to measure (default: dist/taskrole)
`;

const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const say = (...paragraphs: readonly string[]): void => {
  for (const paragraph of paragraphs) process.stdout.write(`${paragraph}\n`);
};

const PARTS = ["requests", "runtimes", "herd", "bindings", "decisions", "docker"] as const;
type Part = (typeof PARTS)[number];

interface Given {
  readonly taskrole: string;
  readonly plan: Plan;
  readonly parts: readonly Part[];
}

/** Whatever ends it, an interruption too, everything it started and made is gone afterwards. */
async function bench({ taskrole, plan, parts }: Given): Promise<void> {
  const stack = new AsyncDisposableStack();
  let clearing: Promise<void> | undefined;
  const clear = (): Promise<void> => {
    clearing ??= stack.disposeAsync();
    return clearing;
  };
  process.once("SIGINT", () => void clear().finally(() => process.exit(EXIT_INTERRUPTED)));
  try {
    say(...machineLines({ taskrole, compiler: cCompiler() }));
    if (parts.includes("requests"))
      await measureRequests(await prepare({ taskrole, containers: MOST_CONTAINERS, stack }), plan);
    if (parts.includes("runtimes")) await runtimes(await prepare({ taskrole, containers: CONTAINERS, stack }), plan);
    if (parts.includes("herd")) await herd(await prepare({ taskrole, containers: HERD, stack }), plan);
    if (parts.includes("bindings")) await bindings({ taskrole, stack }, plan);
    if (parts.includes("decisions")) await decisions();
    if (parts.includes("docker")) await holds(taskrole, plan);
  } finally {
    await clear();
  }
}

async function runtimes(setting: Setting, plan: Plan): Promise<void> {
  say("", ...settingLines(setting), "", runtimesReport(await measureRuntimes(setting, plan)));
}

async function herd(setting: Setting, plan: Plan): Promise<void> {
  const figures = await measureHerd(setting, plan.herds);
  say("", herdReport(figures), "", herdAimsReport(figures));
}

async function decisions(): Promise<void> {
  const figures = await measureDecisions();
  say("", decisionsReport(figures), "", decisionAimsReport(figures));
}

async function bindings(setting: Pick<Setting, "taskrole" | "stack">, plan: Plan): Promise<void> {
  const missing = whyNoBindings(cCompiler());
  if (missing === undefined) await measureBindings(setting, plan === QUICK);
  else say("", `Bindings: left out (${missing})`);
}

/** What they need is loaded only now: it reads where the program is from the environment. */
async function holds(taskrole: string, { holds: plan }: Plan): Promise<void> {
  process.env["E2E_TASKROLE"] = taskrole;
  const { measureHolds, whyNoHolds } = await import("./holds.ts");
  const { holdAimsReport, holdsReport } = await import("./holds-report.ts");
  const missing = whyNoHolds();
  if (missing !== undefined) return say("", `First requests on a Docker Engine: left out (${missing})`);
  await using stack = new AsyncDisposableStack();
  const figures = await measureHolds(plan, stack);
  say("", holdsReport(figures), "", holdAimsReport(figures));
}

async function measureRequests(setting: Setting, plan: Plan): Promise<void> {
  say(
    ...settingLines(setting),
    `turns     ${plan.turns} of ${plan.roundSeconds} s each, medians; ${plan.starts} starts\n`,
  );
  const warm = await measureWarm(setting, plan);
  say(sequencesReport("Warm sequences, one connection", warm.oneConnection), "");
  say(sequencesReport("Warm sequences, three connections", warm.threeConnections), "");
  say(sequencesReport("Warm sequences, one at a time", warm.alone), "");
  say(memoryReport(warm), "");
  const starts = await measureStarts(setting, plan);
  say(startsReport(starts), "");
  say(manyContainersReport(await measureManyContainers(setting, plan)), "");
  say(aimsReport({ warm, starts }));
}

interface Flags {
  readonly quick?: boolean;
  readonly only?: string;
  readonly taskrole?: string;
  readonly help?: boolean;
}

function flags(): Flags {
  try {
    return parseArgs({
      options: {
        quick: { type: "boolean" },
        only: { type: "string" },
        taskrole: { type: "string" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

function misused(why: string): never {
  process.stderr.write(`${why}\n${USAGE}`);
  return process.exit(EXIT_USAGE);
}

function partsOf(only: string | undefined): readonly Part[] {
  if (only === undefined) return PARTS;
  const part = PARTS.find((name) => name === only) ?? misused(`There is no part "${only}" to measure.`);
  return [part];
}

// A listener for each program that runs, a dozen at most (programs.ts): no leak.
process.setMaxListeners(20);
const { quick, only, taskrole = "dist/taskrole", help } = flags();
if (help) say(USAGE);
else {
  await access(taskrole);
  await bench({ taskrole, plan: quick ? QUICK : FULL, parts: partsOf(only) });
}
