/** Of zod's issues what is told. https://zod.dev/error-customization */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Where keys are not known: these, of what is at the path. */
  readonly keys?: readonly string[];
}

/** The part of a value that the line to mend has: of a key that is not known, the key. */
export const partMeant = ({ path, keys = [] }: Issue): readonly PropertyKey[] => [...path, ...keys.slice(0, 1)];
