/**
 * True when the whole text fits an IAM pattern: `*` is any run of characters,
 * slashes and colons included, and `?` is any one.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 *
 * No pattern costs more than the product of both lengths, and one like "*-prod" is not tried at each place of a long text.
 */
export const fitsPattern = (pattern: string, text: string): boolean =>
  text.endsWith(literalEnd(pattern)) && fitsGreedily(pattern, text);

/** With one point to return to. */
function fitsGreedily(pattern: string, text: string): boolean {
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

/** What stands behind the last wildcard. */
const literalEnd = (pattern: string): string =>
  pattern.slice(1 + Math.max(pattern.lastIndexOf("*"), pattern.lastIndexOf("?")));

const STAR = "*".charCodeAt(0);
const ANY_ONE = "?".charCodeAt(0);

export const fitsAny = (patterns: readonly string[], text: string): boolean =>
  patterns.some((pattern) => fitsPattern(pattern, text));

/** True when whatever fits the other pattern fits the one: with nothing for each `*` of it, and with more than any `?` can stand for. */
export function coversPattern(one: string, other: string): boolean {
  const wildest = "*".repeat(one.split("?").length);
  return ["", wildest].every((text) => fitsPattern(one, other.replaceAll("*", text)));
}

/** True when there is a text that fits both patterns. Costs the product of their lengths. */
export function haveCommonText(one: string, other: string): boolean {
  const plain = Math.min(plainLength(one), plainLength(other));
  if (one.slice(0, plain) !== other.slice(0, plain)) return false; // most of any two, at no cost
  let below: boolean[] = [];
  for (let i = one.length; i >= 0; i--) {
    const row: boolean[] = [];
    for (let j = other.length; j >= 0; j--) row[j] = meet({ one, other, row, below }, i, j);
    below = row;
  }
  return below[0] === true;
}

/** Of what stands before the first wildcard. */
const plainLength = (pattern: string): number => {
  const at = pattern.search(/[*?]/);
  return at === -1 ? pattern.length : at;
};

interface Meeting {
  readonly one: string;
  readonly other: string;
  /** Whether what is left of the one from here, and of the other from each place, have a common text. */
  readonly row: readonly boolean[];
  /** The same, with a character less of the one. */
  readonly below: readonly boolean[];
}

function meet({ one, other, row, below }: Meeting, i: number, j: number): boolean {
  const [a, b] = [one.charAt(i), other.charAt(j)]; // "" behind the end, where nothing is known of further on either
  if (a === "*" || b === "*") return below[j] === true || row[j + 1] === true;
  if (a === "" && b === "") return true;
  return (a === b || a === "?" || b === "?") && below[j + 1] === true;
}
