import { parseRoleReference } from "../core/role-reference.ts";
import { MOST_TAGS } from "../core/session-limits.ts";
import type { Config, OptionName } from "./options.ts";
import type { MappedSubnet } from "./role-map.ts";
import { readRoleMapFile } from "./role-map-file.ts";

/** What was written and reads as its option wants, by name. */
export type WrittenValues = ReadonlyMap<string, WrittenValue>;

export interface WrittenValue {
  readonly value: unknown;
  readonly place: string;
  /** Of a part of it: see kit/setting.ts. */
  readonly placeOf?: ((path: readonly PropertyKey[]) => string) | undefined;
}

/** What only shows when settings are looked at together: a sentence each. */
export const crossChecks = (values: WrittenValues): readonly string[] => [
  ...mistakeInDefaultRole(values),
  ...mistakesInRules(values),
  ...mistakesInRoleMap(values),
];

/** As the option's schema has it: nothing else gets among the values. */
const given = <Name extends OptionName>(values: WrittenValues, name: Name): Config[Name] | undefined =>
  values.get(name)?.value as Config[Name] | undefined;

function mistakeInDefaultRole(values: WrittenValues): readonly string[] {
  const account = unknownAccount(given(values, "defaultRole"), values);
  return account === undefined ? [] : [`${values.get("defaultRole")?.place}: defaultRole ${unknown(account)}`];
}

function mistakesInRules(values: WrittenValues): readonly string[] {
  const { place, placeOf } = values.get("roleRules") ?? {};
  return (given(values, "roleRules") ?? []).flatMap(({ defaultRole, sessionTags }, index) => {
    const at = (key: string) => `${placeOf?.([index, key]) ?? place}: rule ${index + 1} of roleRules: ${key}`;
    const account = unknownAccount(defaultRole, values);
    const count = tagsTogether(values, sessionTags);
    return [
      ...(account === undefined ? [] : [`${at("defaultRole")} ${unknown(account)}`]),
      ...(count > MOST_TAGS
        ? [`${at("sessionTags")} makes ${count} with the setting sessionTags, and STS takes ${MOST_TAGS}`]
        : []),
    ];
  });
}

/** The file is read again where it is used: it may change at any time. */
function mistakesInRoleMap(values: WrittenValues): readonly string[] {
  const path = given(values, "roleMapFile");
  if (path === undefined) return [];
  const read = readRoleMapFile(path, given(values, "compat"));
  return read.kind === "mistakes" ? read.mistakes : read.subnets.flatMap((one) => mistakesInEntry(one, values));
}

function mistakesInEntry({ entry, place }: MappedSubnet, values: WrittenValues): readonly string[] {
  const account = unknownAccount(entry.role, values);
  return [
    ...(account === undefined ? [] : [`${place}: role ${unknown(account)}`]),
    ...looseTags(entry, values).map((key) => `${place}: transitiveTags names "${key}", which nobody sets`),
  ];
}

/** Which rule is for an entry is not looked at: one that none of them sets is refused for certain. */
function looseTags(
  { transitiveTags = [], sessionTags }: MappedSubnet["entry"],
  values: WrittenValues,
): readonly string[] {
  if (transitiveTags.length === 0) return [];
  const ofRules = (given(values, "roleRules") ?? []).flatMap((rule) => keysOf(rule.sessionTags));
  const set = new Set([...keysOf(sessionTags), ...keysOf(given(values, "sessionTags")), ...ofRules]);
  return transitiveTags.filter((key) => !set.has(key.toLowerCase()));
}

const keysOf = (tags: Readonly<Record<string, string>> | undefined): readonly string[] =>
  Object.keys(tags ?? {}).map((key) => key.toLowerCase());

/** A rule's tag takes the place of the setting's: STS does not tell A from a. */
const tagsTogether = (values: WrittenValues, ofRule: Readonly<Record<string, string>>): number =>
  new Set([...keysOf(given(values, "sessionTags")), ...keysOf(ofRule)]).size;

const unknown = (account: string): string => `names the account "${account}", which the setting accounts does not have`;

function unknownAccount(role: string | undefined, values: WrittenValues): string | undefined {
  const parsed = role === undefined ? undefined : parseRoleReference(role);
  if (parsed?.kind !== "name" || parsed.account === undefined || /^\d{12}$/.test(parsed.account)) return undefined;
  return Object.hasOwn(given(values, "accounts") ?? {}, parsed.account) ? undefined : parsed.account;
}
