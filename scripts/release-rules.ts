/** What a release is made from. */
export interface Tree {
  /** Of package.json. */
  readonly version: string;
  readonly commit: string;
  /** Those of HEAD. */
  readonly tags: readonly string[];
  /** As git status has them; "" for none. */
  readonly changes: string;
  /** Where what is installed is not what package-lock.json names. */
  readonly unlikeTheLock: readonly string[];
  /** False in a rehearsal. */
  readonly needsTag: boolean;
}

const SHOWN = 5;

/** @returns why no release is made of it, and what to do; undefined: nothing is in the way */
export function refusal({ version, commit, tags, changes, unlikeTheLock, needsTag }: Tree): string | undefined {
  if (changes !== "")
    return `what is built must be what is committed; commit or stash first:\n${firstOf(changes.split("\n"))}`;
  if (unlikeTheLock.length > 0)
    return `what is compiled in must be what package-lock.json names; npm ci first:\n${firstOf(unlikeTheLock)}`;
  const wanted = `v${version}`;
  if (!needsTag || tags.includes(wanted)) return undefined;
  const found = tags.filter((tag) => /^v\d/.test(tag));
  return found.length === 0
    ? `HEAD (${commit}) has no tag ${wanted}, the version in package.json: git tag ${wanted}, or --untagged for a rehearsal`
    : `HEAD (${commit}) is tagged ${found.join(", ")}, but the version in package.json is ${version}: they must be the same`;
}

function firstOf(lines: readonly string[]): string {
  const rest = lines.length - SHOWN;
  return [...lines.slice(0, SHOWN), ...(rest > 0 ? [`and ${rest} more`] : [])].join("\n");
}
