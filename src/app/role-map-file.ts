import { readFileSync } from "node:fs";
import type { RoleMap } from "../broker/mapped-workloads.ts";
import { type Issue, partMeant } from "./issue-place.ts";
import { type MappedSubnet, roleMapOf } from "./role-map.ts";
import { roleMapEntries, subnetOf } from "./role-map-schema.ts";
import { shownValue } from "./shown-value.ts";
import { type YamlItem, yamlItems } from "./yaml-items.ts";

/** What the file says, or every mistake in it: the place, the thing, what is wanted. */
export type RoleMapReading =
  | { readonly kind: "map"; readonly map: RoleMap; readonly entries: number }
  | { readonly kind: "mistakes"; readonly mistakes: readonly string[] };

export function readRoleMapFile(path: string): RoleMapReading {
  try {
    return parseRoleMap(path, readFileSync(path, "utf8"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return mistaken([`${path}: the role map cannot be read (${code}): see the setting roleMapFile`]);
  }
}

/**
 * A list of entries, or a map of addresses to roles or to the rest of an entry.
 *
 * @param path for the mistakes' places. @param text YAML, of which JSON is a part
 */
function parseRoleMap(path: string, text: string): RoleMapReading {
  const read = yamlItems(path, text);
  switch (read.kind) {
    case "list":
      return roleMapFrom(read.items);
    case "map":
      return roleMapFrom(read.items.map(asElement));
    case "empty":
      return roleMapFrom([]);
    case "broken":
      return mistaken(read.mistakes);
    default:
      return mistaken([`${path}: must be a list of entries, or a map of addresses to roles`]);
  }
}

const mistaken = (mistakes: readonly string[]): RoleMapReading => ({ kind: "mistakes", mistakes });

/** "10.0.5.7: reader" says what "- { address: 10.0.5.7, role: reader }" does. */
function asElement({ key, value, ...places }: YamlItem): YamlItem {
  const rest = typeof value === "object" ? value : { role: value };
  return { key: "", value: { ...rest, address: key }, ...places };
}

function roleMapFrom(items: readonly YamlItem[]): RoleMapReading {
  const parsed = roleMapEntries.safeParse(items.map(({ value }) => value));
  if (!parsed.success) return mistaken(parsed.error.issues.map((issue) => mistake(items, issue)));
  const subnets = parsed.data.flatMap((entry, index): readonly MappedSubnet[] => {
    const subnet = subnetOf(entry.address);
    return subnet ? [{ subnet, entry, place: items[index]?.place ?? "" }] : [];
  });
  const twins = twinsIn(subnets);
  return twins.length > 0 ? mistaken(twins) : { kind: "map", map: roleMapOf(subnets), entries: subnets.length };
}

function mistake(items: readonly YamlItem[], issue: Issue): string {
  const [index, ...rest] = issue.path;
  const [, ...part] = partMeant(issue);
  const { placeOf, value } = items[Number(index)] ?? { placeOf: () => "", value: undefined };
  const where = rest.length > 0 ? `${rest.join(".")} ` : "";
  return `${placeOf(part)}: ${where}${issue.message}; it is ${shownValue(value, rest)}`;
}

const keyOf = ({ family, prefix, shift }: MappedSubnet["subnet"]): string => `${family} ${prefix} ${shift}`;

function twinsIn(subnets: readonly MappedSubnet[]): readonly string[] {
  const first = new Map<string, MappedSubnet>();
  return subnets.flatMap((one) => {
    const known = first.get(keyOf(one.subnet));
    first.set(keyOf(one.subnet), known ?? one);
    return known ? [`${one.place}: ${one.entry.address} is mapped already, at ${known.place}`] : [];
  });
}
