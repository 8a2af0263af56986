/**
 * What metadataproxy's role map may have behind an address besides a role's name: `name` with `account_id` (or a name of an account),
 * `external_id`, `session_name`. What is null or empty is as if it were not there.
 * https://github.com/lyft/metadataproxy/blob/090f2e989eda229d313aa3360e845ab4eef04992/metadataproxy/roles.py (get_role_params_from_ip)
 */
const WORDS: ReadonlySet<string> = new Set(["name", "account_id", "external_id", "session_name"]);

type Entry = Readonly<Record<string, unknown>>;

/** True where it is not taskrole's own, which has a role. */
export const isMetadataproxyEntry = (entry: Entry): boolean =>
  !Object.hasOwn(entry, "role") && Object.keys(entry).some((key) => WORDS.has(key));

/** The same in the words of taskrole's role map; undefined for what these cannot say, and for what is no such entry. */
export function fromMetadataproxyEntry(entry: Entry): Entry | undefined {
  const { name, account_id: account, external_id: externalId, session_name: sessionName } = entry;
  const isPlain = typeof name === "string" && name !== "" && !name.includes("@"); // there an @ is a part of the role's own name
  if (!isPlain || !Object.keys(entry).every((key) => WORDS.has(key))) return undefined;
  return {
    role: isThere(account) ? `${name}@${account}` : name,
    ...(isThere(externalId) && { externalId }),
    ...(isThere(sessionName) && { sessionName }),
  };
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null && value !== "";
