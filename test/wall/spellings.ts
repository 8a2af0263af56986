import fc from "fast-check";
import { HARMLESS, HOST_ROLE, LISTINGS, WANTED } from "./host-documents.ts";

/** In every place where bytes of a case's own could come back: nothing of it may. */
export const MARK = "wallmark";

const VERSIONS = ["latest", "1.0", "2007-01-19", "2009-04-04", "2016-09-02", "2021-03-23", "2024-04-11"];
const ODD_VERSIONS = ["LATEST", "Latest", "2099-01-01", "0.9", "v1", "", ".", "latest/latest", "1.0/latest", MARK];

const SEPARATORS = [
  ...["//", "///", "/./", "/././/", "\\", "\\\\", "/\\", "/%2e/", "/%2E%2f", "%2f", "%2F", "%5c", "%252f", "%25252f"],
  ...["%255c", "%c0%af", "%c0%2f", "%e0%80%af", "%f0%80%80%af", "%c1%9c", "%u002f", "%uff0f", "%ef%bc%8f", "\xc0\xaf"],
  ...[
    "\xef\xbc\x8f",
    ";/",
    `/;${MARK}=1/`,
    ";x=y/",
    "/%00/",
    "%00/",
    "/%20/",
    "/%09/",
    "\t/",
    "/ ",
    "/%0d%0a/",
    "/\r\n",
  ],
  ...[`/${MARK}/../`, "/x/%2e%2e/", "/x/..;/", "/x/%252e%252e/", "%2f%2e%2f", "/.%2f", ":/", "|", "&/", "%3b/", "%ff/"],
];

/** One step up, as this or that reader understands it. */
const STEPS_UP = [
  ...["..", "%2e%2e", ".%2e", "%2E.", "%252e%252e", "%25252e%25252e", "..;", "..;x=y", "..%3b", "..%3Bx", "%2e%2e%3b"],
  ...["..%20", "%20..", ".%20.", "..%00", "..%09", "..%0a", "..%0d%0a", "..%3f", "..%23", "..%5c", "..\\", "..%252f"],
  ...[
    "..%c0%af",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%u002e%u002e",
    "．．",
    "%ef%bc%8e%ef%bc%8e",
    "\xc0\xae\xc0\xae",
  ],
  ...[
    "....",
    "...",
    "..%7f",
    "..\t",
    "..%1f",
    "..%a0",
    "..%ad",
    "..+",
    "..,",
    "..:",
    "..%2f",
    "..%2f..",
    "?/..",
    "#/..",
    ";/..",
    "%3f/..",
    "%23/..",
    "%00/..",
    "/..",
  ],
].map((step) => Buffer.from(step, "utf8").toString("latin1"));

/** From where a way up may begin: whatever a workload may read, and more. */
const FOOTHOLDS = [
  ...["meta-data/placement", "meta-data/placement/region", "meta-data/services", "meta-data/spot", "meta-data/events"],
  ...["meta-data/block-device-mapping/ami", "dynamic/fws", "dynamic/fws/instance-monitoring", "meta-data/instance-id"],
  ...["dynamic/instance-identity/document", "dynamic/instance-identity", "meta-data", "dynamic", "api", "api/token"],
  ...["meta-data/autoscaling", "meta-data/elastic-gpus", "meta-data/elastic-inference", MARK],
];

const TAILS = [
  ...[
    "/",
    "//",
    "/.",
    "/..",
    "/%2e",
    "/%2f",
    "%2f",
    "%00",
    "%00.json",
    ".json",
    ".txt",
    "~",
    "%20",
    "+",
    "%0a",
    "%0d%0a",
  ],
  ...[
    "?",
    "#",
    `?${MARK}`,
    `#${MARK}`,
    `?x=/../../${MARK}`,
    `;${MARK}`,
    ";x=y",
    "%3f",
    `%3f${MARK}`,
    `%23${MARK}`,
    "%3b",
  ],
  ...[
    `/${MARK}`,
    `/${MARK}/..`,
    "/x/../",
    "\\",
    "%5c",
    "%",
    "%4",
    "%zz",
    "%u",
    "*",
    "'",
    '"',
    "`",
    "|",
    "^",
    "<>",
    "{}",
  ],
  ...["%ff", "%80", "\x80", "\xff", "\t", " ", "  x", "\0", "\x7f", "\r", "\n", "\r\n", "\r\n\r\n", `\r\nX-Y: ${MARK}`],
  ...[` HTTP/1.1\r\nHost: ${MARK}\r\n\r\nGET /latest/user-data`, " HTTP/1.1\nX: y", "\x0b", "\x0c", "\x85", "%c2%85"],
  ...["%e2%80%ae", "%ef%bb%bf", "%e2%80%8b", "\xef\xbb\xbf", "%26", "&a=b", "@evil", ":80", "::$DATA", "/*", "/-"],
];

const HEADS = [
  ...[
    "/",
    "//",
    "/./",
    "/../",
    "/..;/",
    "\\",
    "/\\",
    "/%2e/",
    "/%2e%2e/",
    "/%2f",
    "%2f",
    "/;x/",
    "/ ",
    "\t",
    "/%00",
    "?",
  ],
  ...[
    "#",
    "/?",
    "/#",
    "*",
    ".",
    "~",
    "/latest/..",
    "/latest/meta-data/../..",
    "/1.0/../",
    "\xef\xbb\xbf",
    "%",
    "/*/",
    ":",
  ],
];

const FORMS = [
  ...["http://169.254.169.254", "http://169.254.169.254:80", "HTTP://[fd00:ec2::254]", "https://169.254.169.254"],
  ...["http://instance-data", `http://${MARK}.example`, "http://user@169.254.169.254", "http://169.254.169.254@evil"],
  ...["http://", "http:/", "http:", "//169.254.169.254", "ftp://169.254.169.254", "http://127.0.0.1", "http://[::1]"],
  ...[
    "http://[::ffff:169.254.169.254]",
    "http://2852039166",
    "http://0xA9FEA9FE",
    "http://169.254.169.254.",
    "file://",
  ],
  ...["169.254.169.254:80", "169.254.169.254", "http://169.254.169.254\\", "http://169.254.169.254%2f", "http://127.1"],
];

const RAW_BYTES = [
  "\t",
  "\r",
  "\n",
  "\r\n",
  "\0",
  " ",
  "\x0b",
  "\x1f",
  "\x7f",
  "\x80",
  "\xa0",
  "\xc0\xaf",
  "\xff",
  "\xe2\x80\xae",
];

type Change = (target: string) => string;

const at = fc.nat({ max: 200 });
const hex = (byte: number): string => byte.toString(16).padStart(2, "0");
/** A full-width letter, as UTF-8. */
const fullWidth = (character: string): string =>
  Buffer.from(String.fromCodePoint(character.charCodeAt(0) + 0xfee0), "utf8").toString("latin1");

const ENCODINGS: readonly ((character: string) => string)[] = [
  (character) => `%${hex(character.charCodeAt(0))}`,
  (character) => `%${hex(character.charCodeAt(0)).toUpperCase()}`,
  (character) => `%25${hex(character.charCodeAt(0))}`,
  (character) => `%25${hex(character.charCodeAt(0)).replace(/./g, (digit) => `%${hex(digit.charCodeAt(0))}`)}`,
  (character) => `%2525${hex(character.charCodeAt(0))}`,
  (character) => `%u00${hex(character.charCodeAt(0))}`,
  (character) => `%${hex(0xc0 | (character.charCodeAt(0) >> 6))}%${hex(0x80 | (character.charCodeAt(0) & 0x3f))}`,
  (character) => `%e0%${hex(0x80 | (character.charCodeAt(0) >> 6))}%${hex(0x80 | (character.charCodeAt(0) & 0x3f))}`,
  (character) => fullWidth(character),
  (character) => Buffer.from(fullWidth(character), "latin1").toString("hex").replace(/../g, "%$&"),
  (character) => String.fromCharCode(character.charCodeAt(0) | 0x80),
];

const CHOSEN = ["one", "some", "letters", "dots", "slashes", "all"] as const;

function chosen(
  which: (typeof CHOSEN)[number],
  place: number,
  length: number,
): (character: string, i: number) => boolean {
  if (which === "one") return (_, i) => i === place % length;
  if (which === "some") return (character, i) => (i * 7 + place) % 5 === 0 && character !== "/";
  if (which === "letters") return (character) => /[a-z]/i.test(character);
  if (which === "dots") return (character) => character === ".";
  if (which === "slashes") return (character, i) => character === "/" && i > 0;
  return (_, i) => i > 0;
}

const encoded: fc.Arbitrary<Change> = fc
  .record({ encode: fc.constantFrom(...ENCODINGS), which: fc.constantFrom(...CHOSEN), place: at })
  .map(({ encode, which, place }) => (target) => {
    const isChosen = chosen(which, place, target.length);
    return Array.from(target, (character, i) =>
      isChosen(character, i) && character <= "~" ? encode(character) : character,
    ).join("");
  });

/** Every slash, or one, is written otherwise. */
const separated: fc.Arbitrary<Change> = fc
  .record({ separator: fc.constantFrom(...SEPARATORS), place: fc.option(at) })
  .map(({ separator, place }) => (target) => {
    const parts = target.split("/");
    const slash = place === null ? undefined : 1 + (place % Math.max(1, parts.length - 1));
    return parts.reduce((before, part, i) => before + (slash === undefined || slash === i ? separator : "/") + part);
  });

const cased: fc.Arbitrary<Change> = fc
  .record({ how: fc.constantFrom("all", "first letters", "one"), place: at })
  .map(({ how, place }) => (target) => {
    if (how === "all") return target.toUpperCase();
    if (how === "first letters") return target.replace(/(?<![a-z])[a-z]/g, (letter) => letter.toUpperCase());
    const i = place % target.length;
    return target.slice(0, i) + target.slice(i, i + 1).toUpperCase() + target.slice(i + 1);
  });

/** Into what may be read, and out again by as many steps up, or one more or less. */
const detoured: fc.Arbitrary<Change> = fc
  .record({
    foothold: fc.constantFrom(...FOOTHOLDS),
    up: fc.constantFrom(...STEPS_UP),
    extra: fc.integer({ min: -1, max: 1 }),
  })
  .map(({ foothold, up, extra }) => (target) => {
    const [, version = "", ...below] = target.split("/");
    const steps = Array.from({ length: Math.max(1, foothold.split("/").length + extra) }, () => up);
    return ["", version, foothold, ...steps, ...(extra === 1 ? [version] : []), ...below].join("/");
  });

const inserted: fc.Arbitrary<Change> = fc
  .record({ bytes: fc.constantFrom(...RAW_BYTES), place: at })
  .map(({ bytes, place }) => (target) => {
    const i = place % (target.length + 1);
    return target.slice(0, i) + bytes + target.slice(i);
  });

const PADDING = ["/", "/.", "/x/..", "%2f", "A", "%41", "/%2e", ";"];
const padded: fc.Arbitrary<Change> = fc
  .record({
    padding: fc.constantFrom(...PADDING),
    bytes: fc.constantFrom(100, 1_000, 7_900, 8_192, 20_000),
    isTail: fc.boolean(),
  })
  .map(({ padding, bytes, isTail }) => (target) => {
    const pad = padding.repeat(Math.ceil(bytes / padding.length));
    return isTail ? `${target}?${pad}` : pad + target;
  });

const tailed: fc.Arbitrary<Change> = fc.constantFrom(...TAILS).map((tail) => (target) => target + tail);
const headed: fc.Arbitrary<Change> = fc
  .constantFrom(...HEADS)
  .map((head) => (target) => head + target.replace(/^\//, ""));
const formed: fc.Arbitrary<Change> = fc.constantFrom(...FORMS).map((form) => (target) => form + target);

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: encoded },
  { weight: 5, arbitrary: separated },
  { weight: 3, arbitrary: cased },
  { weight: 7, arbitrary: detoured },
  { weight: 1, arbitrary: inserted },
  { weight: 4, arbitrary: tailed },
  { weight: 2, arbitrary: headed },
  { weight: 2, arbitrary: formed },
);

const version = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...VERSIONS) },
  { weight: 2, arbitrary: fc.constantFrom(...ODD_VERSIONS) },
);

/** One in forty is made long at the end: most of those are too long to be read. */
const lengthened: fc.Arbitrary<Change> = fc.oneof(
  { weight: 39, arbitrary: fc.constant<Change>((target) => target) },
  { weight: 1, arbitrary: padded },
);

/** Under a version. */
const versioned = (path: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(version, path).map(([under, below]) => `/${under}/${below}`);

/** Of the container credentials endpoint; each gives a workload its own, and nobody another's. */
const CONTAINER_PATHS = ["/v1/credentials", `/v2/credentials/${MARK}`, `/v2/credentials/${HOST_ROLE}`];

const spelt = (path: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(path, fc.array(change, { maxLength: 3, size: "max" }), lengthened)
    .map(([plain, all, last]) => [...all, last].reduce((target, next) => next(target), plain));

/**
 * A guarded path, in a spelling that hardly anybody would use for anything good.
 *
 * @param roles names that are tried too
 */
export const guardedTarget = (roles: readonly string[]): fc.Arbitrary<string> =>
  spelt(versioned(fc.constantFrom(...WANTED, ...roles.map((role) => `meta-data/iam/security-credentials/${role}`))));

/** What may be had, spelt no better: it may come through, but not as it was spelt. */
export const allowedTarget: fc.Arbitrary<string> = spelt(
  fc.oneof(
    { weight: 4, arbitrary: versioned(fc.constantFrom(...HARMLESS.keys(), ...LISTINGS.keys())) },
    { weight: 1, arbitrary: fc.constantFrom(...CONTAINER_PATHS) },
  ),
);

/** What a workload is owed; a leaf's is its path below the version. */
export type Owed = "role name" | "credentials" | "container credentials" | "iam info" | { readonly leaf: string };

export interface LegalTarget {
  readonly target: string;
  readonly owed: Owed;
}

const LEAVES = [...HARMLESS.keys()];
const FIRM = new Set(["/", "%", "?", "#"]);
const LEGAL_FORMS = ["", "", "", "http://169.254.169.254", "http://[fd00:ec2::254]:80"];
const LEGAL_TAILS = ["", "/", "//", "?", "?x=/../y", "#z", "/?a#b"];

const plainOf = (under: string, owed: Owed, role: string): string =>
  owed === "container credentials" ? `/v2/credentials/${MARK}` : `/${under}/${pathOf(owed, role)}`;

const pathOf = (owed: Exclude<Owed, "container credentials">, role: string): string => {
  if (typeof owed === "object") return owed.leaf;
  if (owed === "iam info") return "meta-data/iam/info";
  return `meta-data/iam/security-credentials/${owed === "credentials" ? role : ""}`;
};

/** What every client may read, with the liberties that clients do take. */
export const legalTarget = (role: string): fc.Arbitrary<LegalTarget> =>
  fc
    .record({
      version: fc.constantFrom(...VERSIONS),
      owed: fc.oneof(
        fc.constantFrom<Owed>("role name", "credentials", "container credentials", "iam info"),
        fc.constantFrom(...LEAVES).map((leaf): Owed => ({ leaf })),
      ),
      form: fc.constantFrom(...LEGAL_FORMS),
      tail: fc.constantFrom(...LEGAL_TAILS),
      slashes: fc.constantFrom("/", "/", "//", "///"),
      encodedAt: fc.array(at, { maxLength: 4 }),
    })
    .map(({ version, owed, form, tail, slashes, encodedAt }) => {
      const plain = plainOf(version, owed, role);
      const places = new Set(encodedAt.map((place) => place % plain.length));
      const written = (character: string, i: number) =>
        places.has(i) && !FIRM.has(character) ? `%${hex(character.charCodeAt(0))}` : character;
      const authority = owed === "container credentials" ? "" : form;
      return { target: authority + Array.from(plain, written).join("").replaceAll("/", slashes) + tail, owed };
    });
