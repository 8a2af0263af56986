/**
 * True when the whole text fits an IAM pattern: `*` is any run of characters,
 * slashes and colons included, and `?` is any one.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 *
 * Greedy with one point to return to, so no pattern costs more than the product of both lengths.
 */
export function fitsPattern(pattern: string, text: string): boolean {
  let p = 0;
  let star = -1;
  let resume = 0;
  for (let t = 0; t < text.length; ) {
    const wanted = pattern.charCodeAt(p); // NaN behind its end, which is no character's
    if (wanted === STAR) {
      star = p++;
      resume = t;
    } else if (wanted === ANY_ONE || wanted === text.charCodeAt(t)) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern.charCodeAt(p) === STAR) p++;
  return p === pattern.length;
}

const STAR = "*".charCodeAt(0);
const ANY_ONE = "?".charCodeAt(0);

export const fitsAny = (patterns: readonly string[], text: string): boolean =>
  patterns.some((pattern) => fitsPattern(pattern, text));
