import { readFileSync, writeFileSync } from "node:fs";
import { CLIENTS } from "../test/clients/catalogue.ts";
import { CASE_NAMES, type CaseName } from "../test/clients/client.ts";
import { type CaseResult, type ClientResult, RESULTS_FILE } from "../test/clients/results.ts";

/** Writes docs/clients.md from what the last run of the whole matrix saw. */
function main(): void {
  const results = JSON.parse(readFileSync(RESULTS_FILE, "utf8")) as readonly ClientResult[];
  const missing = CLIENTS.filter(({ name }) => !results.some((result) => result.name === name));
  if (missing.length > 0) {
    throw new Error(`the last run left out ${missing.map(({ name }) => name).join(", ")}: npm run test:clients`);
  }
  writeFileSync("docs/clients.md", clientsPage(results));
}

const INTRO = (results: readonly ClientResult[]): string => `# Clients

Made from a run of \`npm run test:clients\` by \`npm run docs:clients\`; do not edit.

${results.filter(isReal).length} real clients, none of them changed, and ${results.filter((result) => !isReal(result)).length} that cannot be installed from a package registry and are replayed byte by
byte, each against the executable that ships: a network namespace is the host, with taskrole's own interception, another is the container,
and EC2's metadata service and STS are at the other end of a wire. That a client has its role is judged by the services it signs for
(STS checks the signature, S3 the session token), and that no request waited longer than a second by a listener on the wire.

| case | what is done |
|---|---|
| v2 required | tokens are required, as is the default |
| v2 optional | \`metadataTokens: optional\` |
| rotated | the session is renewed while the client has the keys of the one before; it must get the new ones |
| restarted | the daemon is killed with SIGKILL and started again between two questions |
| first request cold | the container appears in Docker at the moment of its first request, and STS takes 200 ms |
| STS hanging | STS never answers and nothing is in the cache: the client must end by itself, and each of its requests is answered |
| container endpoint | the container endpoint's address in the environment, and nothing else |
| IPv6 | \`AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6\` |

**ok**: as it should be. **none**: no credentials, which is what must happen there; see below. –: the client has nothing to do with the case.
`;

const isReal = ({ language }: ClientResult): boolean => language !== "replayed";

function clientsPage(results: readonly ClientResult[]): string {
  return `${INTRO(results)}
## Client by case

${table(["client", "version", "what it is", ...CASE_NAMES], results.map(caseRow))}

## What is different, and why

${results.flatMap(remarks).join("\n")}

## What they ask for

**P** \`PUT /latest/api/token\` · **L** the role's name · **L-** the same without the slash at its end · **C** the document · **E** the container
endpoint · a **1** behind a letter: sent without a token · other paths without \`/latest/meta-data\`, \`!503\` what it was answered, \`!reset\` closed without an answer.

${table(["client", "where tokens are required", "while STS hangs"], results.map(wireRow))}
`;
}

const caseRow = ({ name, version, is, language, cases }: ClientResult): readonly string[] => [
  name,
  version,
  `${is}${language === "command" ? "" : ` (${language})`}`,
  ...CASE_NAMES.map((of) => word(cases[of])),
];

const word = (result: CaseResult | undefined): string =>
  ({ ok: "ok", "no credentials": "none", "left out": "–", FAIL: "**FAIL**" })[result?.outcome ?? "left out"];

/** One sentence a reason, with the cases that it is the reason for. */
function remarks({ name, cases }: ClientResult): readonly string[] {
  const note = CLIENTS.find((client) => client.name === name)?.note;
  const reasons = new Map<string, CaseName[]>();
  for (const caseName of CASE_NAMES) {
    const because = cases[caseName]?.because;
    if (because !== undefined) reasons.set(because, [...(reasons.get(because) ?? []), caseName]);
  }
  return [
    ...(note === undefined ? [] : [`- **${name}**: ${note}`]),
    ...[...reasons].map(([because, of]) => `- **${name}**, ${of.join(", ")}: ${because.split("\n")[0]}`),
  ];
}

const wireRow = ({ name, cases }: ClientResult): readonly string[] => [
  name,
  code(cases["v2 required"]?.wire),
  code(cases["STS hanging"]?.wire),
];

/** A crawl is told by its length. */
const MAX_REQUESTS = 12;

function code(wire: string | undefined): string {
  const requests = wire?.split(" ").filter((request) => request !== "") ?? [];
  if (requests.length === 0) return "–";
  const rest = requests.length - MAX_REQUESTS;
  return `\`${requests.slice(0, MAX_REQUESTS).join(" ")}\`${rest > 0 ? ` and ${rest} more` : ""}`;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

main();
