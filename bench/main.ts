/**
 * `npm run bench`: what dist/taskrole costs, beside servers that only send constants. docs/benchmarks.md says what each
 * figure means. Exits 1 when something did not work; figures that miss their aim are shown, and exit 0.
 */
import { access } from "node:fs/promises";
import { parseArgs } from "node:util";
import { machineLines } from "./machine.ts";
import {
  aimsReport,
  manyContainersReport,
  memoryReport,
  sequencesReport,
  settingLines,
  startsReport,
} from "./report.ts";
import { prepare, type Setting } from "./setting.ts";
import { MOST_CONTAINERS, measureManyContainers, measureStarts, measureWarm, type Plan } from "./stages.ts";

const FULL: Plan = { turns: 9, warmUpSeconds: 4, roundSeconds: 2, starts: 11 };
const QUICK: Plan = { turns: 3, warmUpSeconds: 2, roundSeconds: 0.7, starts: 5 };

const USAGE = `npm run bench -- [--quick] [--taskrole FILE]

  --quick           fewer and shorter rounds: a look, not a figure to quote
  --taskrole FILE   the executable to measure (default: dist/taskrole)
`;

const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const say = (...paragraphs: readonly string[]): void => {
  for (const paragraph of paragraphs) process.stdout.write(`${paragraph}\n`);
};

/** Whatever ends it, an interruption too, everything it started and made is gone afterwards. */
async function bench({ taskrole, plan }: { taskrole: string; plan: Plan }): Promise<void> {
  const stack = new AsyncDisposableStack();
  let clearing: Promise<void> | undefined;
  const clear = (): Promise<void> => {
    clearing ??= stack.disposeAsync();
    return clearing;
  };
  process.once("SIGINT", () => void clear().finally(() => process.exit(EXIT_INTERRUPTED)));
  try {
    const setting = await prepare({ taskrole, containers: MOST_CONTAINERS, stack });
    say(...machineLines({ taskrole, compiler: setting.compiler }), ...settingLines(setting));
    say(`turns     ${plan.turns} of ${plan.roundSeconds} s each, medians; ${plan.starts} starts\n`);
    await measureAll(setting, plan);
  } finally {
    await clear();
  }
}

async function measureAll(setting: Setting, plan: Plan): Promise<void> {
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

function flags(): { quick?: boolean; taskrole?: string; help?: boolean } {
  try {
    const options = { quick: { type: "boolean" }, taskrole: { type: "string" }, help: { type: "boolean" } } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    return process.exit(EXIT_USAGE);
  }
}

// A listener for each program that runs, a dozen at most (programs.ts): no leak.
process.setMaxListeners(20);
const { quick, taskrole = "dist/taskrole", help } = flags();
if (help) say(USAGE);
else {
  await access(taskrole);
  await bench({ taskrole, plan: quick ? QUICK : FULL });
}
