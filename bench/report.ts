import type { Memory } from "./process-figures.ts";
import type { Round } from "./rounds.ts";
import { CONSTANTS_BUN, CONSTANTS_C, type Setting } from "./setting.ts";
import { AT_ONCE, CONTAINERS, type Figures, type ManyContainers, type Warm } from "./stages.ts";
import { median, medianRatio } from "./statistics.ts";
import { megabytes, milliseconds, ratio, table, whole } from "./table.ts";

const NAME = "taskrole";

const AIM_CPU_RATIO = 2.5;
const AIM_IDLE_BYTES = 55e6;
const AIM_START_MS = 100;

const of = (rounds: readonly Round[] | undefined, field: keyof Round): readonly number[] =>
  (rounds ?? []).map((round) => round[field]);

/** One table of sequences: each server's figures, and their ratios to the servers of constants in the same turns. */
export function sequencesReport(title: string, figures: Figures<readonly Round[]>): string {
  const against = (rounds: readonly Round[], field: keyof Round, base: string): string =>
    ratio(medianRatio(of(rounds, field), of(figures.get(base), field)), " x");
  const rows = [...figures].map(([name, rounds]) => [
    name,
    whole(median(of(rounds, "rate"))),
    against(rounds, "rate", CONSTANTS_BUN),
    against(rounds, "rate", CONSTANTS_C),
    whole(median(of(rounds, "cpuUs"))),
    against(rounds, "cpuUs", CONSTANTS_BUN),
    against(rounds, "cpuUs", CONSTANTS_C),
    milliseconds(median(of(rounds, "p50Us"))),
    milliseconds(median(of(rounds, "p99Us"))),
  ]);
  return table([[title, "per s", "of Bun's", "of C's", "CPU us", "of Bun's", "of C's", "p50 ms", "p99 ms"], ...rows]);
}

/** Resident memory, and in brackets what of it is the process's own. */
export function memoryReport({ idle, loaded }: Warm): string {
  const cell = (figure: Memory | undefined): string =>
    figure === undefined ? "-" : `${megabytes(figure.residentBytes)} (${megabytes(figure.ownBytes)})`;
  const rows = [...loaded].map(([name, after]) => [name, cell(idle.get(name)), cell(after)]);
  return table([["Resident memory, MB (own)", "idle", "after the load"], ...rows]);
}

export function startsReport(starts: Figures<readonly number[]>): string {
  const rows = [...starts].map(([name, times]) => [name, whole(median(times)), whole(Math.max(...times))]);
  return table([["Start to first answer, ms", "median", "longest"], ...rows]);
}

export function manyContainersReport(worlds: readonly ManyContainers[]): string {
  const [base] = worlds;
  const rows = worlds.map(({ size, warm, cold, loaded }) => [
    `${whole(size)} containers`,
    whole(median(of(warm, "rate"))),
    whole(median(of(warm, "cpuUs"))),
    ratio(medianRatio(of(warm, "cpuUs"), of(base?.warm, "cpuUs")), " x"),
    whole(cold.cpuUs),
    whole(cold.rate),
    megabytes(loaded.residentBytes),
  ]);
  const heading = ["Many containers", "per s", "CPU us", "of the first", "first CPU us", "first per s", "memory MB"];
  return table([heading, ...rows]);
}

export interface Everything {
  readonly warm: Warm;
  readonly starts: Figures<readonly number[]>;
}

/** Each aim beside what was measured. None is enforced: on a busy machine a miss proves nothing. */
export function aimsReport({ warm, starts }: Everything): string {
  const cpu = medianRatio(of(warm.oneConnection.get(NAME), "cpuUs"), of(warm.oneConnection.get(CONSTANTS_C), "cpuUs"));
  const idle = warm.idle.get(NAME)?.residentBytes ?? Number.NaN;
  const start = median(starts.get(NAME) ?? []);
  return table([
    ["Aims", "aim", "measured", ""],
    ["CPU per warm sequence, of the C server's", `<= ${AIM_CPU_RATIO} x`, ratio(cpu, " x"), met(cpu, AIM_CPU_RATIO)],
    ["resident memory idle, MB", `<= ${megabytes(AIM_IDLE_BYTES)}`, megabytes(idle), met(idle, AIM_IDLE_BYTES)],
    ["start to first answer, ms", `<= ${AIM_START_MS}`, whole(start), met(start, AIM_START_MS)],
  ]);
}

/** For an aim that is a lower bound, negate both. */
export function met(value: number, aim: number): string {
  if (Number.isNaN(value)) return "not measured";
  return value <= aim ? "met" : "NOT MET";
}

/** How it was measured, where that depends on the machine. */
export const settingLines = ({ compiler, pids }: Setting): readonly string[] => [
  `load      ${compiler ? "C" : "node:net, since there is no C compiler: rates and latencies are the load's own"}, ${AT_ONCE} sequences at once over ${CONTAINERS} containers`,
  typeof pids === "string"
    ? `watch     none (${pids}): each request is cheaper than in real life by two reads of /proc`
    : `watch     ${whole(pids.length)} stand-in processes in control groups of their own, as with real containers`,
];
