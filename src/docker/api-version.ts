/** What an Engine says of the API versions it speaks, e.g. "1.41". */
export interface SpokenVersions {
  readonly highest: string;
  /** Undefined for an Engine so old that it has no minimum. */
  readonly lowest?: string;
}

/** The newest version whose answers this code was written for and tested with. */
const OURS = "1.45";

/**
 * The version to speak: ours, or the Engine's newest if that is older; never below its minimum (Docker 29 refuses
 * what is older than 1.40 with 400), even where that is newer than ours: the fields we read have been stable since 1.24.
 * https://docs.docker.com/reference/api/engine/version-history/
 */
export function versionToSpeak({ highest, lowest }: SpokenVersions): string {
  const wanted = isOlder(highest, OURS) ? highest : OURS;
  return lowest !== undefined && isOlder(wanted, lowest) ? lowest : wanted;
}

/** By number: "1.9" is older than "1.41". */
function isOlder(one: string, other: string): boolean {
  const [major = 0, minor = 0] = one.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split(".").map(Number);
  return major === otherMajor ? minor < otherMinor : major < otherMajor;
}
