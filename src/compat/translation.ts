import type { Setting } from "../kit/setting.ts";

/** What is not as it was with the other tool. */
export interface Note {
  /** "environment variable WORKERS (metadataproxy)" */
  readonly place: string;
  /** The rest of the sentence that the place begins. */
  readonly says: string;
}

/** What the variables or the flags of another tool come to here. */
export interface Translation {
  readonly settings: readonly Setting[];
  readonly notes: readonly Note[];
  /** Sentences on what cannot be carried over without harm: the place, the thing, the remedy. */
  readonly mistakes: readonly string[];
}

/** What one variable or flag comes to. */
export interface Meaning {
  /** By name. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Both are the rest of a sentence that the place begins. */
  readonly note?: string;
  readonly mistake?: string;
}

export interface Found {
  readonly place: string;
  readonly meaning: Meaning;
}

/** In the order given: of two that mean the same setting, the later counts. */
export const translationOf = (found: readonly Found[]): Translation => ({
  settings: found.flatMap(({ place, meaning }) =>
    Object.entries(meaning.settings ?? {}).map(([name, value]) => ({ name, value, place })),
  ),
  notes: found.flatMap(({ place, meaning: { note } }) => (note === undefined ? [] : [{ place, says: note }])),
  mistakes: found.flatMap(({ place, meaning: { mistake } }) => (mistake === undefined ? [] : [`${place} ${mistake}`])),
});

export const NOTHING_FOUND = translationOf([]);
