import { STS_PACE } from "../src/broker/paced-issuer.ts";
import { HERD, type HerdFigures, STS_LATENCY_MS, type Stampede } from "./herd.ts";
import { met } from "./report.ts";
import { median } from "./statistics.ts";
import { table, tenths, whole } from "./table.ts";

const AIM_FIRST_MS = 350;
const AIM_ABOVE_PACE_MS = 250;
const AIM_WARM_MS = 250;
const AIM_BYTES = 8 * 1024;

/** When the last session can be there, at the pace at which taskrole asks STS. */
const PACE_MS = ((HERD - STS_PACE.burst) / STS_PACE.perSecond) * 1000 + STS_LATENCY_MS;

/** The middle one over the turns. */
const over = (turns: readonly Stampede[], figure: (turn: Stampede) => number): number => median(turns.map(figure));
const slowest = ({ ms }: Stampede): number => ms.at(-1) ?? Number.NaN;
const ofFirst = ({ ms }: Stampede): number => ms[STS_PACE.burst - 1] ?? Number.NaN;

export function herdReport({ cold, renamed, warm, grownBytesEach }: HerdFigures): string {
  const row = (name: string, turns: readonly Stampede[], more: readonly string[] = []): readonly string[] => [
    name,
    ...[ofFirst, ({ ms }: Stampede) => median(ms), slowest].map((figure) => whole(over(turns, figure))),
    whole(over(turns, ({ retries }) => retries)),
    ...more,
  ];
  return table([
    [`${whole(HERD)} containers at once, ms`, `first ${STS_PACE.burst}`, "half", "all", "503s", "own memory, KB each"],
    row("without sessions", cold, [tenths(median(grownBytesEach) / 1024)]),
    row("known, without sessions", renamed),
    row("with sessions", warm),
    ["(what STS's pace allows)", "", "", whole(PACE_MS)],
  ]);
}

export function herdAimsReport({ cold, renamed, warm, liveBytesEach }: HerdFigures): string {
  const row = (name: string, value: number, aim: number) => [name, `<= ${aim}`, whole(value), met(value, aim)];
  return table([
    ["Aims", "aim", "measured", ""],
    row(`first ${STS_PACE.burst} without sessions, ms`, over(cold, ofFirst), AIM_FIRST_MS),
    row(`first ${STS_PACE.burst} known, without sessions, ms`, over(renamed, ofFirst), AIM_FIRST_MS),
    row("slowest without a session, ms above STS's pace", over(cold, slowest) - PACE_MS, AIM_ABOVE_PACE_MS),
    row("slowest with a session, ms", over(warm, slowest), AIM_WARM_MS),
    [
      "live memory of a session, KB",
      `<= ${AIM_BYTES / 1024}`,
      tenths(liveBytesEach / 1024),
      met(liveBytesEach, AIM_BYTES),
    ],
  ]);
}
