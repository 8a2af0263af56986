/**
 * The bindings' part of `npm run bench`: what it costs that the kernel keeps each address for its owner. Runs in a
 * network namespace of its own (bindings.ts starts it so), which is the first host; needs root and a C compiler.
 */
import { parseArgs } from "node:util";
import {
  bindingAimsReport,
  bindingCostReport,
  contestReport,
  memoryFiguresReport,
  restReport,
  transactionsReport,
} from "./bindings-report.ts";
import { containersFor, openHost, prepareBindings } from "./bindings-setting.ts";
import {
  type BindingsPlan,
  BOUND,
  type MemoryFigure,
  measureBindingCost,
  measureContest,
  measureMemory,
  measureTransaction,
  type TransactionTimes,
} from "./bindings-stages.ts";

/** Many short turns: the ratio of one differs from the next's by a quarter on a machine with others at work. */
const FULL: BindingsPlan = {
  ...{ turns: 99, warmUpSeconds: 4, roundSeconds: 0.5, loads: 21, bindings: 64 },
  ...{ restSeconds: 60, memoryRuns: 3, settleSeconds: 40 },
};
const QUICK: BindingsPlan = {
  ...{ turns: 25, warmUpSeconds: 2, roundSeconds: 0.4, loads: 7, bindings: 24 },
  ...{ restSeconds: 30, memoryRuns: 1, settleSeconds: 40 },
};
/** The first shows what the burst of first requests leaves in the heap; the last two, what one more workload takes. */
const MEMORY_SIZES = [10, 250, BOUND] as const;
const TRANSACTIONS = [10, 1_000, 5_000] as const;

const say = (...paragraphs: readonly string[]): void => {
  for (const paragraph of paragraphs) process.stdout.write(`${paragraph}\n`);
};

async function measureAll(taskrole: string, plan: BindingsPlan, stack: AsyncDisposableStack): Promise<void> {
  const setting = prepareBindings(taskrole, stack);
  const transactions: TransactionTimes[] = [];
  for (const bindings of TRANSACTIONS) transactions.push(await measureTransaction(bindings, plan.loads));
  say(transactionsReport(transactions), "");
  const world = await containersFor(setting, BOUND);
  const on = await openHost(setting, world, "own");
  say(bindingCostReport([await measureBindingCost(on, BOUND, plan.bindings)]), "");
  const off = await openHost(setting, await containersFor(setting, BOUND), "new");
  const contest = await measureContest(setting, { on, off }, plan);
  say(contestReport(contest), "", restReport(contest), "");
  const memory: MemoryFigure[] = [];
  for (let run = 0; run < plan.memoryRuns; run += 1)
    for (const count of MEMORY_SIZES) memory.push(await measureMemory(setting, on, { count, plan }));
  say(memoryFiguresReport(memory), "");
  say(bindingAimsReport({ contest, transactions, memory }));
}

const { quick, taskrole = "dist/taskrole" } = parseArgs({
  options: { quick: { type: "boolean" }, taskrole: { type: "string" } },
}).values;
process.setMaxListeners(30);
await using stack = new AsyncDisposableStack();
await measureAll(taskrole, quick ? QUICK : FULL, stack);
