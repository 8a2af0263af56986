import { z } from "zod";

/** One text or a list of them, as IAM writes most things. */
export const oneOrMore = <T extends z.ZodType<string>>(item: T) =>
  z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(item).min(1, "must not be an empty list"));

export const effect = z.enum(["Allow", "Deny"], { error: 'must be "Allow" or "Deny"' });

export const version = z.enum(["2012-10-17", "2008-10-17"], { error: 'must be "2012-10-17"' }).optional();

/** One statement or a list of them. */
export const statements = <T extends z.ZodType>(statement: T, whenEmpty: string) =>
  z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(statement).min(1, whenEmpty));
