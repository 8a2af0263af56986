import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";

/** One line's worth of a YAML file: an element of its list, or a key of its map with what is behind it. */
export interface YamlItem {
  /** "" in a list. */
  readonly key: string;
  readonly value: unknown;
  /** "/etc/taskrole/config.yaml:7" */
  readonly place: string;
}

export type YamlItems =
  | { readonly kind: "list" | "map"; readonly items: readonly YamlItem[] }
  /** Nothing is in it, or comments only. */
  | { readonly kind: "empty" }
  /** Neither a list nor a map. */
  | { readonly kind: "other" }
  /** Sentences that begin with the file and the line. */
  | { readonly kind: "broken"; readonly mistakes: readonly string[] };

/** YAML, of which JSON is a part, with where each item stands. https://yaml.org/spec/1.2.2/ */
export function yamlItems(path: string, text: string): YamlItems {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`;
  if (document.errors.length > 0) {
    const mistakes = document.errors.map((e) => `${at(e.pos[0])}: is not YAML: ${e.message}${hint(e.code)}`);
    return { kind: "broken", mistakes };
  }
  const item = (key: string, value: unknown, place: unknown): YamlItem => ({
    key,
    value: isNode(value) ? value.toJS(document) : value,
    place: at(isNode(place) ? place.range?.[0] : undefined),
  });
  const { contents } = document;
  if (contents === null) return { kind: "empty" };
  if (isSeq(contents)) return { kind: "list", items: contents.items.map((element) => item("", element, element)) };
  if (!isMap(contents)) return { kind: "other" };
  const items = contents.items.map(({ key, value }) => item(String(isScalar(key) ? key.value : key), value, key));
  return { kind: "map", items };
}

const hint = (code: string): string => (code === "TAB_AS_INDENT" ? " (YAML wants spaces)" : "");
