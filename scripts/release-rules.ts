/** What a release is made from. */
export interface Tree {
  /** Of package.json. */
  readonly version: string;
  readonly commit: string;
  /** Those of HEAD. */
  readonly tags: readonly string[];
  /** As git status has them; "" for none. */
  readonly changes: string;
  /** False in a rehearsal. */
  readonly needsTag: boolean;
}

const SHOWN_CHANGES = 5;

/** @returns why no release is made of it, and what to do; undefined: nothing is in the way */
export function refusal({ version, commit, tags, changes, needsTag }: Tree): string | undefined {
  if (changes !== "") return `what is built must be what is committed; commit or stash first:\n${firstOf(changes)}`;
  const wanted = `v${version}`;
  if (!needsTag || tags.includes(wanted)) return undefined;
  const found = tags.filter((tag) => /^v\d/.test(tag));
  return found.length === 0
    ? `HEAD (${commit}) has no tag ${wanted}, the version in package.json: git tag ${wanted}, or --untagged for a rehearsal`
    : `HEAD (${commit}) is tagged ${found.join(", ")}, but the version in package.json is ${version}: they must be the same`;
}

function firstOf(changes: string): string {
  const lines = changes.split("\n");
  const rest = lines.length - SHOWN_CHANGES;
  return [...lines.slice(0, SHOWN_CHANGES), ...(rest > 0 ? [`and ${rest} more`] : [])].join("\n");
}
