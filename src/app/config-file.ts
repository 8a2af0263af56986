import { readFileSync } from "node:fs";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { Setting } from "./setting.ts";

export interface ConfigFile {
  readonly settings: readonly Setting[];
  /** Sentences that begin with the file and the line. */
  readonly mistakes: readonly string[];
}

/** @returns undefined when there is no such file */
export function readConfigFile(path: string): ConfigFile | undefined {
  try {
    return parseConfigFile(path, readFileSync(path, "utf8"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    return {
      settings: [],
      mistakes: [`${path}: cannot be read (${code}): make it readable for the user taskrole runs as`],
    };
  }
}

/** YAML, of which JSON is a part. https://yaml.org/spec/1.2.2/ */
function parseConfigFile(path: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`;
  if (document.errors.length > 0) {
    return {
      settings: [],
      mistakes: document.errors.map((e) => `${at(e.pos[0])}: is not YAML: ${e.message}${hint(e.code)}`),
    };
  }
  const { contents } = document;
  if (contents === null) return { settings: [], mistakes: [] };
  if (!isMap(contents)) return { settings: [], mistakes: [`${path}: must be settings, one "name: value" a line`] };
  const settings = contents.items.map(({ key, value }) => ({
    name: String(isScalar(key) ? key.value : key),
    value: isNode(value) ? value.toJS(document) : value,
    place: at(isScalar(key) ? key.range?.[0] : undefined),
  }));
  return { settings, mistakes: [] };
}

const isNode = (value: unknown): value is { toJS(document: unknown): unknown } =>
  typeof value === "object" && value !== null && "toJS" in value;

const hint = (code: string): string => (code === "TAB_AS_INDENT" ? " (YAML wants spaces)" : "");
