import { isMap, isNode, isScalar, isSeq, LineCounter, type Pair, parseDocument } from "yaml";

/** One line's worth of a YAML file: an element of its list, or a key of its map with what is behind it. */
export interface YamlItem {
  /** "" in a list. */
  readonly key: string;
  readonly value: unknown;
  /** "/etc/taskrole/config.yaml:7" */
  readonly place: string;
  /** The same of a part of the value; of what is not there, that of what it is missing in. */
  readonly placeOf: (path: readonly PropertyKey[]) => string;
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
    place: at(offsetOf(place)),
    placeOf: (path) => at(offsetWithin({ value, place }, path)),
  });
  const { contents } = document;
  if (contents === null) return { kind: "empty" };
  if (isSeq(contents)) return { kind: "list", items: contents.items.map((element) => item("", element, element)) };
  if (!isMap(contents)) return { kind: "other" };
  const items = contents.items.map(({ key, value }) => item(keyText(key), value, key));
  return { kind: "map", items };
}

const offsetOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);

/** A value, and what stands for it in the text: the key before it, or itself in a list. */
interface Part {
  readonly value: unknown;
  readonly place: unknown;
}

function offsetWithin(part: Part, [step, ...rest]: readonly PropertyKey[]): number | undefined {
  const next = step === undefined ? undefined : partOf(part.value, step);
  return next ? offsetWithin(next, rest) : offsetOf(part.place);
}

function partOf(value: unknown, step: PropertyKey): Part | undefined {
  if (isSeq(value)) return asPart(value.items[Number(step)]);
  const pair = isMap(value) ? value.items.find(({ key }) => keyText(key) === String(step)) : undefined;
  return pair && { value: pair.value, place: pair.key };
}

const asPart = (element: unknown): Part | undefined =>
  element === undefined ? undefined : { value: element, place: element };

const keyText = (key: Pair["key"]): string => String(isScalar(key) ? key.value : key);

const hint = (code: string): string => (code === "TAB_AS_INDENT" ? " (YAML wants spaces)" : "");
