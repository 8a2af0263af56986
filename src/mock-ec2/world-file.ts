import { type Document, isAlias, isMap, isPair, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { instanceFrom, type World } from "./world.ts";
import { worldSchema } from "./world-schema.ts";

/** A file that cannot be used: every mistake in it, each a sentence with its place and its remedy. */
export interface WorldMistakes {
  readonly kind: "mistakes";
  readonly mistakes: readonly string[];
}

/** Reads the text of a file (YAML, hence also JSON). `fileName` is for the mistakes alone. */
export function parseWorld(text: string, fileName: string): World | WorldMistakes {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return mistakes(document.errors.map(({ pos, message }) => `${fileName}:${lines.linePos(pos[0]).line}: ${message}`));
  }
  const raw = plainValue(document);
  if (raw instanceof Error) return mistakes([`${fileName}: ${raw.message}`]);
  const parsed = worldSchema.safeParse(raw);
  if (!parsed.success) {
    const places = parsed.error.issues.flatMap((issue) => sentences(issue, raw));
    const lined = places.map(([path, says]) => ({ line: lineOf(document, lines, path), path, says }));
    lined.sort((a, b) => a.line - b.line);
    return mistakes(lined.map(({ line, path, says }) => `${fileName}:${line}: ${written(path)} ${says}`));
  }
  const { instance: given, roles, hostMayAssume = ["*"], hostPermissionPolicy, users } = parsed.data;
  return {
    ...{ instance: instanceFrom(given), hostMayAssume, users },
    ...(hostPermissionPolicy !== undefined && { hostPermissionPolicy }),
    ...(roles !== undefined && { roles }),
  };
}

/** An empty file is an empty object; an alias to nothing is only found here. */
function plainValue(document: Document): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const mistakes = (list: readonly string[]): WorldMistakes => ({ kind: "mistakes", mistakes: list });

type Sentence = readonly [path: readonly PropertyKey[], says: string];

/** One for each mistake: an issue about keys may hold several. */
function sentences(issue: z.core.$ZodIssue, raw: unknown): Sentence[] {
  const path = truePath(issue.path, raw);
  const value = issue.path.reduce<unknown>(childOf, raw);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => [[...path, key], "is not known here: check its spelling, or take it out"]);
    case "invalid_type":
      return [[path, value === undefined ? "is missing" : typeSentence(issue)]];
    case "invalid_value":
      return [[path, issue.message.startsWith("must") ? issue.message : `must be one of ${issue.values.join(", ")}`]];
    default:
      return [[path, /^is /.test(issue.message) ? `${JSON.stringify(value)} ${issue.message}` : issue.message]];
  }
}

const typeSentence = ({ message, expected }: { message: string; expected: string }): string => {
  if (message.startsWith("must")) return message;
  return `must be ${TYPE_NAMES[expected] ?? `a value of the type ${expected}`}`;
};

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "a text (put it in quotes)",
  object: "an object with keys",
  record: "an object with keys",
  array: "a list",
  number: "a number",
  int: "a whole number",
};

const childOf = (value: unknown, key: PropertyKey): unknown => {
  if (typeof value !== "object" || value === null) return key === 0 ? value : undefined;
  if (!Array.isArray(value) && key === 0 && !Object.hasOwn(value, key)) return value;
  return Object.hasOwn(value, key) ? (value as Readonly<Record<PropertyKey, unknown>>)[key] : undefined;
};

/** Where one thing was given for a list of one, the schema's [0] stands for the thing itself. */
function truePath(path: readonly PropertyKey[], raw: unknown): PropertyKey[] {
  const kept: PropertyKey[] = [];
  let value = raw;
  for (const key of path) {
    const child = childOf(value, key);
    if (key !== 0 || Array.isArray(value)) kept.push(key);
    value = child;
  }
  return kept;
}

/** roles[2].trust.Statement[0].Effect */
const written = (path: readonly PropertyKey[]): string =>
  path.length === 0
    ? "the file"
    : path.map((key, at) => (typeof key === "number" ? `[${key}]` : `${at === 0 ? "" : "."}${String(key)}`)).join("");

/** Of the key itself where there is one, else of the nearest thing around it that is written. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const offset = offsetOf(document, path.slice(0, length));
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return 1;
}

function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const key = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && String(item.key) === String(key));
    return rangeStart(pair?.key);
  }
  return rangeStart(document.getIn(path, true));
}

const rangeStart = (node: unknown): number | undefined =>
  typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range) && !isAlias(node)
    ? Number(node.range[0])
    : undefined;
