import { readFileSync } from "node:fs";
import type { RoleMap } from "../broker/mapped-workloads.ts";
import { fromMetadataproxyEntry, isMetadataproxyEntry } from "../compat/metadataproxy-role-map.ts";
import { type Issue, partMeant } from "./issue-place.ts";
import { type MappedSubnet, roleMapOf } from "./role-map.ts";
import { roleMapEntries, subnetOf } from "./role-map-schema.ts";
import { shownValue } from "./shown-value.ts";
import { type YamlItem, type YamlItems, yamlItems } from "./yaml-items.ts";

/** What the file says, or every mistake in it: the place, the thing, what is wanted. */
export type RoleMapReading =
  | { readonly kind: "map"; readonly map: RoleMap; readonly subnets: readonly MappedSubnet[] }
  | { readonly kind: "mistakes"; readonly mistakes: readonly string[] };

/** @param compat the setting: metadataproxy's own form is read where it names that */
export function readRoleMapFile(path: string, compat?: string): RoleMapReading {
  try {
    return parseRoleMap(yamlItems(path, readFileSync(path, "utf8")), path, compat === "metadataproxy");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return mistaken([`${path}: the role map cannot be read (${code}): see the setting roleMapFile`]);
  }
}

/** A list of entries, or a map of addresses to roles or to the rest of an entry. */
function parseRoleMap(read: YamlItems, path: string, isMetadataproxys: boolean): RoleMapReading {
  switch (read.kind) {
    case "list":
      return roleMapFrom(read.items);
    case "map":
      return roleMapFromPairs(isMetadataproxys ? read.items.map(inOwnWords) : read.items);
    case "empty":
      return roleMapFrom([]);
    case "broken":
      return mistaken(read.mistakes);
    default:
      return mistaken([`${path}: must be a list of entries, or a map of addresses to roles`]);
  }
}

const mistaken = (mistakes: readonly string[]): RoleMapReading => ({ kind: "mistakes", mistakes });

type Rest = Readonly<Record<string, unknown>>;

const restIn = ({ value }: YamlItem): Rest | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Rest) : undefined;

function inOwnWords(item: YamlItem): YamlItem {
  const rest = restIn(item);
  const value = rest && fromMetadataproxyEntry(rest);
  return value ? { ...item, value } : item;
}

function roleMapFromPairs(items: readonly YamlItem[]): RoleMapReading {
  const wrong = items.flatMap(mistakeInRest);
  return wrong.length > 0 ? mistaken(wrong) : roleMapFrom(items.map(asElement));
}

function mistakeInRest(item: YamlItem): readonly string[] {
  const rest = restIn(item);
  if (!rest) return [];
  if (Object.hasOwn(rest, "address"))
    return [`${item.placeOf(["address"])}: address must not be there: ${item.key} is the address`];
  if (Object.hasOwn(rest, "role")) return [];
  return [`${item.place}: ${item.key} ${isMetadataproxyEntry(rest) ? METADATAPROXYS : NO_ROLE}`];
}

/** Only where somebody is named in a list is the default role meant. */
const NO_ROLE = 'must have a role, like "role: team/build"; a list of entries may leave it to the default role';
const METADATAPROXYS =
  "must have a role: what metadataproxy calls name and account_id is here role: NAME@ACCOUNT, external_id is externalId and session_name is sessionName";

/** "10.0.5.7: reader" says what "- { address: 10.0.5.7, role: reader }" does. */
function asElement(item: YamlItem): YamlItem {
  const { key: address, value: role } = item;
  return { ...item, key: "", value: { ...(restIn(item) ?? { role }), address } };
}

function roleMapFrom(items: readonly YamlItem[]): RoleMapReading {
  const parsed = roleMapEntries.safeParse(items.map(({ value }) => value));
  if (!parsed.success) return mistaken(parsed.error.issues.map((issue) => mistake(items, issue)));
  const subnets = parsed.data.flatMap((entry, index): readonly MappedSubnet[] => {
    const subnet = subnetOf(entry.address);
    return subnet ? [{ subnet, entry, place: items[index]?.place ?? "" }] : [];
  });
  const twins = twinsIn(subnets);
  return twins.length > 0 ? mistaken(twins) : { kind: "map", map: roleMapOf(subnets), subnets };
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
