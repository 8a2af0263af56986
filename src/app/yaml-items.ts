import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";

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
  // The parser's own look for keys that are there twice takes seconds for a map of ten thousand.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const at = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`;
  const faults = faultsIn(document);
  if (faults.length > 0)
    return { kind: "broken", mistakes: faults.map(({ offset, says }) => `${at(offset)}: is not YAML: ${says}`) };
  const item = (key: string, value: unknown, place: unknown): YamlItem => ({
    key,
    value: plainValue(value, document),
    place: at(offsetOf(place)),
    placeOf: (path) => at(offsetWithin({ value, place }, path)),
  });
  const { contents } = document;
  if (contents === null) return { kind: "empty" };
  if (!isSeq(contents) && !isMap(contents)) return { kind: "other" };
  const items = isSeq(contents)
    ? contents.items.map((element) => item("", element, element))
    : contents.items.map(({ key, value }) => item(keyText(key), value, key));
  const endless = items
    .filter(({ value }) => value === ENDLESS)
    .map(({ place }) => `${place}: is not YAML: ${TOO_MUCH}`);
  return endless.length > 0 ? { kind: "broken", mistakes: endless } : { kind: isSeq(contents) ? "list" : "map", items };
}

/** A value that has no end. */
const ENDLESS = Symbol("endless");
const TOO_MUCH = "its aliases stand for themselves, or for more than can be";

/** What can be written as JSON: all that reads it may rely on that. */
function plainValue(value: unknown, document: Document): unknown {
  try {
    const plain: unknown = isNode(value) ? value.toJS(document) : value;
    JSON.stringify(plain);
    return plain;
  } catch {
    return ENDLESS;
  }
}

interface YamlFault {
  readonly offset: number | undefined;
  /** Completes "is not YAML: …". */
  readonly says: string;
}

/** What the parser finds, also what it only warns of: a tag that it does not know changes nothing, so it cannot have been meant. */
function faultsIn(document: Document.Parsed): readonly YamlFault[] {
  const { errors, warnings } = document;
  const found = [...errors, ...warnings].map(({ code, message, pos }) => ({
    offset: pos[0],
    says: `${message}${hint(code)}`,
  }));
  return found.length > 0 ? found : faultsOfNodes(document);
}

function faultsOfNodes(document: Document): readonly YamlFault[] {
  const faults: YamlFault[] = [];
  const anchors = new Set<string>();
  visit(document, {
    Value(_, node) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
      if (isMap(node)) faults.push(...twinsIn(node));
    },
    Alias(_, { source, range }) {
      if (anchors.has(source)) return;
      faults.push({ offset: range?.[0], says: `there is no &${source} before *${source}${QUOTES}` });
    },
  });
  return faults;
}

function twinsIn({ items }: YAMLMap): readonly YamlFault[] {
  const keys = new Set<string>();
  return items.flatMap(({ key }) => {
    const text = keyText(key);
    const isTwin = keys.has(text);
    keys.add(text);
    return isTwin ? [{ offset: offsetOf(key), says: `the key ${JSON.stringify(text)} is there twice` }] : [];
  });
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

/** IAM's patterns begin so as often as not. */
const QUOTES = " (put a value that begins with * or & in quotes)";
const HINTS: Readonly<Record<string, string>> = { TAB_AS_INDENT: " (YAML wants spaces)", BAD_ALIAS: QUOTES };
const hint = (code: string): string => HINTS[code] ?? "";
