import type { BindingCost, Contest, MemoryFigure, TransactionTimes } from "./bindings-stages.ts";
import { met } from "./report.ts";
import type { Round } from "./rounds.ts";
import { median, medianRatio, percentile } from "./statistics.ts";
import { megabytes, milliseconds, ratio, table, tenths, whole } from "./table.ts";

const AIM_THROUGHPUT = 0.95;
const AIM_TRANSACTION_MS = 100;
const AIM_REST = 0.005;
const AIM_BYTES = 8 * 1024;

const of = (rounds: readonly Round[], field: keyof Round): readonly number[] => rounds.map((round) => round[field]);

export function contestReport({ on, off }: Contest): string {
  const row = (name: string, rounds: readonly Round[]): readonly string[] => [
    name,
    whole(median(of(rounds, "rate"))),
    ratio(medianRatio(of(rounds, "rate"), of(off, "rate")), " x"),
    whole(median(of(rounds, "cpuUs"))),
    ratio(medianRatio(of(rounds, "cpuUs"), of(off, "cpuUs")), " x"),
    milliseconds(median(of(rounds, "p50Us"))),
    milliseconds(median(of(rounds, "p99Us"))),
  ];
  const heading = [
    "Warm sequences through the redirect",
    "per s",
    "of unbound",
    "CPU us",
    "of unbound",
    "p50 ms",
    "p99 ms",
  ];
  return table([heading, row("1,000 containers, bound", on), row("1,000 containers, unbound", off)]);
}

export function transactionsReport(times: readonly TransactionTimes[]): string {
  const rows = times.map(({ bindings, nftMs, upMs }) => [
    `${whole(bindings)} bindings`,
    ...[nftMs, upMs].flatMap((ms) => [tenths(median(ms)), tenths(Math.max(...ms))]),
  ]);
  return table([["All tables in one transaction, ms", "nft", "longest", "with ip rules", "longest"], ...rows]);
}

export function bindingCostReport(costs: readonly BindingCost[]): string {
  const rows = costs.map(({ containers, aloneMs, eightMs, aloneCpuMs, eightCpuMs }) => [
    `${whole(containers)} containers on the bridge`,
    ...[tenths(percentile(aloneMs, 50)), tenths(percentile(aloneMs, 95)), tenths(aloneCpuMs)],
    ...[tenths(percentile(eightMs, 50)), tenths(percentile(eightMs, 95)), tenths(eightCpuMs)],
  ]);
  return table([["One new binding, ms", "p50", "p95", "CPU", "8 at once: p50", "p95", "CPU"], ...rows]);
}

/** By number of containers, in the order they were measured first; what each adds to the row above, by the medians. */
export function memoryFiguresReport(figures: readonly MemoryFigure[]): string {
  const medians = mediansOf(figures);
  const rows = medians.map(({ containers, ownBytes }, place) => {
    const before = medians[place - 1];
    const each = before ? bytesEach(before, { containers, ownBytes }) / 1024 : Number.NaN;
    return [`${whole(containers)} containers, bound`, megabytes(ownBytes), tenths(each)];
  });
  return table([["Own memory when idle again", "MB", "KB each more"], ...rows]);
}

const mediansOf = (figures: readonly MemoryFigure[]): readonly MemoryFigure[] =>
  [...Map.groupBy(figures, ({ containers }) => containers)].map(([containers, some]) => ({
    containers,
    ownBytes: median(some.map(({ ownBytes }) => ownBytes)),
  }));

export const bytesEach = (few: MemoryFigure, many: MemoryFigure): number =>
  (many.ownBytes - few.ownBytes) / (many.containers - few.containers);

export const restReport = ({ restOn, restOff }: Contest): string =>
  table([
    ["At rest, of one processor", "%"],
    ["1,000 containers, bound", (restOn * 100).toFixed(2)],
    ["1,000 containers, unbound", (restOff * 100).toFixed(2)],
  ]);

export interface BindingFigures {
  readonly contest: Contest;
  readonly transactions: readonly TransactionTimes[];
  readonly memory: readonly MemoryFigure[];
}

/** Each aim beside what was measured. None is enforced: on a busy machine a miss proves nothing. */
export function bindingAimsReport({ contest, transactions, memory }: BindingFigures): string {
  const throughput = medianRatio(of(contest.on, "rate"), of(contest.off, "rate"));
  const thousand = median(transactions.find(({ bindings }) => bindings === 1_000)?.nftMs ?? []);
  const [few, many] = mediansOf(memory).slice(-2);
  const bytes = few && many ? bytesEach(few, many) : Number.NaN;
  return table([
    ["Aims", "aim", "measured", ""],
    [
      "throughput bound, of unbound",
      `>= ${AIM_THROUGHPUT} x`,
      ratio(throughput, " x"),
      met(-throughput, -AIM_THROUGHPUT),
    ],
    [
      "1,000 bindings in one transaction, ms",
      `<= ${AIM_TRANSACTION_MS}`,
      tenths(thousand),
      met(thousand, AIM_TRANSACTION_MS),
    ],
    ["memory of one more workload, KB", `<= ${AIM_BYTES / 1024}`, tenths(bytes / 1024), met(bytes, AIM_BYTES)],
    [
      "CPU at rest with 1,000 workloads, %",
      `<= ${AIM_REST * 100}`,
      (contest.restOn * 100).toFixed(2),
      met(contest.restOn, AIM_REST),
    ],
  ]);
}
