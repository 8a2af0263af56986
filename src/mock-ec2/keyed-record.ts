import { z } from "zod";

/** A record whose keys are checked beside its values, so that the mistakes of both are told at once. */
export const keyedRecord = <V extends z.ZodType>(key: z.ZodType<string>, value: V) =>
  z.record(z.string(), value).superRefine(
    (given: unknown, context) => {
      for (const name of keysOf(given)) {
        for (const { message } of key.safeParse(name).error?.issues ?? []) {
          context.addIssue({ code: "custom", path: [name], message });
        }
      }
    },
    { when: () => true },
  );

const keysOf = (value: unknown): string[] => (typeof value === "object" && value !== null ? Object.keys(value) : []);
