import type { Memory } from "./process-figures.ts";
import type { Round } from "./rounds.ts";
import type { RuntimeFigures } from "./runtimes.ts";
import { median, medianRatio } from "./statistics.ts";
import { megabytes, milliseconds, ratio, table, whole } from "./table.ts";

/** What it takes to be there, and what it then does; ratios to the first, in the same turns. */
export function runtimesReport(figures: readonly RuntimeFigures[]): string {
  return `${table([THERE, ...figures.map(there)])}\n\n${table([DOES, ...figures.map((figure) => does(figure, figures[0]))])}`;
}

const THERE = [
  "Runtimes",
  "on disk MB",
  "listening ms",
  "longest",
  "first answer ms",
  "longest",
  "idle MB (own)",
  "after the load",
];

const there = ({ name, bytes, listeningMs, firstAnswerMs, idle, loaded }: RuntimeFigures): readonly string[] => [
  name,
  bytes === undefined ? "-" : megabytes(bytes),
  ...[listeningMs, firstAnswerMs].flatMap((times) => [whole(median(times)), whole(Math.max(...times))]),
  resident(idle),
  resident(loaded),
];

const resident = ({ residentBytes, ownBytes }: Memory): string =>
  `${megabytes(residentBytes)} (${megabytes(ownBytes)})`;

const DOES = ["Warm sequences, one connection", "per s", "of the first", "CPU us", "of the first", "p50 ms", "p99 ms"];

function does({ name, rounds }: RuntimeFigures, base: RuntimeFigures | undefined): readonly string[] {
  const of = (field: keyof Round, from: readonly Round[] = rounds): readonly number[] =>
    from.map((round) => round[field]);
  const against = (field: keyof Round): string => ratio(medianRatio(of(field), of(field, base?.rounds)), " x");
  return [
    name,
    ...[whole(median(of("rate"))), against("rate"), whole(median(of("cpuUs"))), against("cpuUs")],
    ...[milliseconds(median(of("p50Us"))), milliseconds(median(of("p99Us")))],
  ];
}
