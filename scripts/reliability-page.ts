import { readFileSync, writeFileSync } from "node:fs";
import { ANSWER_FAULTS, FAULTS, type Fault, METADATA_FAULTS, WIRE_FAULTS } from "../test/faults/faults.ts";
import { evidenceFile } from "../test/faults/support/evidence.ts";
import type { Seen } from "../test/faults/support/trial.ts";
import { requireEvidence } from "./evidence.ts";

/** Writes docs/reliability.md from what the last run of the fault suite saw. */
function main(): void {
  const all = Object.keys(FAULTS).map((id) => ({ file: evidenceFile(id), of: id }));
  requireEvidence(all, "npm run test:faults");
  writeFileSync("docs/reliability.md", page());
}

const page = (): string => `${HEAD}
## What was tried

Each fault lasts three seconds (eight where an answer never comes), over real sockets, against the executable that ships. *Holds credentials*: a
container with a session of an hour and, where STS is at fault, two with sessions of 7 and 9 seconds, so that they are to be renewed meanwhile; what is
counted is their answers while what they hold is valid. *Has none*: a container that is created while the fault lasts, and asks again 30 ms after each answer. Asking is: a
token, the role, its document; a time is that of the slowest of these requests.

### The way to STS

${table(WIRE_FAULTS)}

### What STS says

${table(ANSWER_FAULTS)}

### The host's own metadata service, and its credentials

A daemon that starts in the fault has none of the host's credentials; one that runs when it begins has them for hours, and then a container
without credentials is served as well: that is tried too.

${table(METADATA_FAULTS)}
`;

const HEADING = ["| fault | who holds credentials sees | who has none sees | the operator sees |", "|---|---|---|---|"];

const table = (faults: Readonly<Record<string, Fault>>): string =>
  [...HEADING, ...Object.entries(faults).map(([id, { name }]) => row(id, name))].join("\n");

function row(id: string, name: string): string {
  const { holder, cold, operator } = JSON.parse(readFileSync(evidenceFile(id), "utf8")) as Seen;
  return `| ${[name, holder, cold, operator.replaceAll("|", "\\|")].join(" | ")} |`;
}

const HEAD = `# Reliability

Made from a run of \`npm run test:faults\` by \`npm run docs:reliability\`; do not edit.

Credentials that are simply there: a container's session is fetched when the container is created, renewed at half its life, and served
whatever STS and the host's own metadata service do meanwhile.

## What taskrole promises

- **Who holds valid credentials sees no error.** What is in hand is served until it truly ends: never longer, never with an invented expiry.
- **26 minutes.** A session of an hour is renewed at 27 to 33 minutes (half its life, ± 10 %, each session always at the same point), whether or
  not anybody asks, so that outside an outage at least 26 minutes are left. An outage is noticed by no container before those are over.
- **Nobody waits for long.** Who has no session yet waits at most 350 ms, for the host's metadata and for the call that is under way together, then gets 503,
  which SDKs ask again after. A call that fails before those are over is repeated once for who waits, when that may be tried within them. The call goes on, and its answer is there for the next request. Never a redirect, never 429, never an empty 200.
- **One call for one session**, however many wait for it, and whoever hangs up.
- **It is over when it is over.** Failed calls are repeated by themselves: after at most 0.5 s, 1 s, 2 s, … and never more than 30 s (and the second until the next look, and the
  call itself, which may hang for 6 s); after at most 2 s where somebody is waiting. Each wait is a random share of that bound, so that what failed together does not come back
  together. With the first answer that STS gives again all other sessions are due within a second, each of them every 30 s at the most, and ask at the pace below.
- **No stampede.** At most 64 calls at once and 100 a second in the long run (while calls fail, twice as many requests: most are sent a second time), whoever is waited for first, then what is to be renewed, then what is
  fetched ahead. When STS says that it is too much, the pace halves, \`Retry-After\` is honoured (for a minute at the most), and it grows back within a minute.
- **A "no" of STS is remembered** for 5 s, then for twice as long each time, and for at most a minute: so a role is usable within a minute of its
  trust policy being mended. Meanwhile SDKs are told \`AssumeRoleUnauthorizedAccess\`, and the operator which role it is.
- **The host's own credentials** are renewed within a minute or so of EC2 having new ones (5 minutes before their end at the latest), and read again when STS says that they have ended. They are never handed on.
- **Nothing secret is in the log**, whatever fails.

## What it does not promise

- **A container that is created in an outage of STS** has no credentials until the outage is over. It gets 503 meanwhile.
- **An outage that is longer than what is left** of a session (26 minutes or more when it begins) ends it: no daemon can make it longer.
- **A restart in an outage** begins with nothing, since nothing secret is on disk: every container is then one without credentials.
- **SDKs that do not ask again** after a 503 (botocore, JavaScript) report that there are no credentials. taskrole fetches ahead so that they
  seldom have to.
- **A host whose clock is far ahead** takes every session for over. Calls to STS are signed by STS's own clock, so minutes either way do not matter.
- **Docker's outages** are another matter: [engines.md](engines.md).
`;

main();
