import { ALLOWED_ENTRIES, NEVER_ENTRIES } from "../core/allowed-paths.ts";
import { KNOWN_VERSIONS } from "../core/metadata-version.ts";

/** A secret access key has 40 such characters, a metadata token 56, a session token hundreds. */
const COULD_BE_SECRET = /[A-Za-z0-9+/=_-]{40,}/g;
const MAX_LENGTH = 500;
const LEFT_OUT = "…";

/** What others wrote, as it may stand in a log: nothing that could be a key or a token, and no more than a few lines. */
export const redacted = (text: string): string => text.replace(COULD_BE_SECRET, LEFT_OUT).slice(0, MAX_LENGTH);

/** The same, with names that are known and no secret left as they are: an ARN is as long as a key. */
export const redactedBut = (known: readonly string[], text: string): string =>
  known
    .filter((name) => name !== "")
    .reduce<readonly string[]>((parts, name) => parts.flatMap((part) => split(part, name)), [text])
    .map((part) => (known.includes(part) ? part : part.replace(COULD_BE_SECRET, LEFT_OUT)))
    .join("")
    .slice(0, MAX_LENGTH);

/** "a-X-b" at X: "a-", "X", "-b". */
const split = (text: string, at: string): string[] =>
  text.split(at).flatMap((part, i) => (i === 0 ? [part] : [at, part]));

/** The words of the metadata service's paths that an operator may want to read in a log, besides those of the allow list. */
const OTHER_WORDS = `api token user-data v1 v2 credentials iam info security-credentials security-credentials-extended identity-credentials ec2
  ec2-instance managed-ssh-keys signer-cert public-keys openssh-key tags instance network interfaces macs pkcs7 rsa2048 dsa2048
  signature security-groups public-ipv4 public-hostname ipv6 reservation-id availability-zone availability-zone-id region
  group-name host-id partition-number partition domain instance-action termination-time target-lifecycle-state
  recommendations rebalance maintenance scheduled history metrics vhostmd`;

const WORDS: ReadonlySet<string> = new Set([
  "",
  ...KNOWN_VERSIONS,
  ...[...ALLOWED_ENTRIES, ...NEVER_ENTRIES].flatMap(({ segments }) => segments),
  ...OTHER_WORDS.split(/\s+/),
]);

/**
 * A path with only its known words: clients do send secrets where none belong
 * (some take any answer for a role's name and ask for it), and a slash in a
 * secret makes it look like a path.
 */
export const redactedPath = (path: string): string =>
  path
    .split("/")
    .map((segment) => (WORDS.has(segment) ? segment : LEFT_OUT))
    .join("/");
