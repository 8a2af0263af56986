import type { Holds } from "./holds.ts";
import { met } from "./report.ts";
import { percentile } from "./statistics.ts";
import { table, tenths, whole } from "./table.ts";

const AIM_ALONE_MS = 30;
const AIM_TOGETHER_MS = 150;

export function holdsReport({ aloneMs, togetherMs, startMs }: Holds): string {
  const row = (name: string, ms: readonly number[]): readonly string[] => [
    name,
    whole(ms.length),
    ...[50, 95, 100].map((percent) => tenths(percentile(ms, percent))),
  ];
  return table([
    ["First request to its answer, ms", "containers", "p50", "p95", "max"],
    row("one at a time", aloneMs),
    row("eight at once", togetherMs),
    row("(docker run to first answer)", startMs),
  ]);
}

export function holdAimsReport({ aloneMs, togetherMs }: Holds): string {
  const row = (name: string, ms: readonly number[], aim: number): readonly string[] => {
    const p50 = percentile(ms, 50);
    return [name, `<= ${aim}`, tenths(p50), met(p50, aim)];
  };
  return table([
    ["Aims", "aim", "measured", ""],
    row("hold alone, p50, ms", aloneMs, AIM_ALONE_MS),
    row("hold with eight at once, p50, ms", togetherMs, AIM_TOGETHER_MS),
  ]);
}
