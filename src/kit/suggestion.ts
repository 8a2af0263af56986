import leven from "leven";

/** A comparison costs the product of both lengths, and no name is so long. */
const MOST_COMPARED = 64;

/** The likeliest meant name, when one is close enough that a slip of the fingers explains it: `; did you mean "…"?`, or nothing. */
export function suggestion(name: string, candidates: readonly string[]): string {
  if (name.length > MOST_COMPARED) return "";
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: leven(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return best && best.distance <= Math.max(2, name.length / 3) ? `; did you mean "${best.candidate}"?` : "";
}
