import { readFileSync, writeFileSync } from "node:fs";
import { ATTACK_IDS, ATTACKS, type AttackId } from "../test/attack/attacks.ts";
import { evidenceFile, type Half } from "../test/attack/support/evidence-file.ts";
import type { EngineName } from "../test/e2e/support/settings.ts";
import { requireEvidence } from "./evidence.ts";

const ENGINES = { debian: "Docker 20.10", forky: "Docker 28" } as const satisfies Partial<Record<EngineName, string>>;
type Engine = keyof typeof ENGINES;
const ENGINE_NAMES = Object.keys(ENGINES) as readonly Engine[];

/** Writes docs/security.md from what the last run of the attack suite on each engine saw. */
function main(): void {
  const all = ATTACK_IDS.flatMap((id) =>
    enginesOf(id).flatMap((engine) =>
      (["without", "with"] as const).map((half) => ({
        file: evidenceFile(engine, id, half),
        of: `${id} ${half} on ${ENGINES[engine]}`,
      })),
    ),
  );
  requireEvidence(all, "npm run test:attack and test:attack:docker-28");
  writeFileSync("docs/security.md", page());
}

const enginesOf = (id: AttackId): readonly Engine[] => ("engine" in ATTACKS[id] ? ["debian"] : ENGINE_NAMES);

const page = (): string => `# Security

Made from a run of \`npm run test:attack\` and \`npm run test:attack:docker-28\` by \`npm run docs:security\`; do not edit.

What taskrole defends: no container ever gets the host's credentials, and none another's; [architecture.md](architecture.md) has the rules, and
[interception.md](interception.md) how packets are kept to them. The attacker here may run containers with Docker's default capabilities,
in some rows with \`NET_ADMIN\`; in others somebody with root makes a mistake, or something breaks.

## What was tried

Each row was first shown with something else in the defence's place, in the same lab and by the same script, and then tried against the executable
that ships. *own*, *invented*, *victim*: the hardware address that the attacker claims. (With its own, over IPv4, the
neighbour overheard answers but got no connection of its own in this lab; that taskrole's rules drop what it sends is read from their counters.)

No setting exists for the tests' sake: they take the rules away themselves, or run \`interception: none\` behind a redirect of one line. Of the settings that
are there for operators, \`interception: none\`, \`interception: iptables\` and \`hostNetwork: host\` do protect less: see below.

| attack | in the defence's place | what it got there | what it got from taskrole | engine |
|---|---|---|---|---|
${ATTACK_IDS.map(row).join("\n")}

${NOT_PROTECTED}`;

function row(id: AttackId): string {
  const { name, without } = ATTACKS[id];
  const engine = "engine" in ATTACKS[id] ? ATTACKS[id].engine : Object.values(ENGINES).join(", ");
  return `| ${[name, without, cell(id, "without"), cell(id, "with"), engine].join(" | ")} |`;
}

/** Once when all engines saw the same. */
function cell(id: AttackId, half: Half): string {
  const seen = enginesOf(id).map((engine) => [ENGINES[engine], readFileSync(evidenceFile(engine, id, half), "utf8")]);
  const texts = new Set(seen.map(([, text]) => text));
  return texts.size === 1 ? [...texts].join() : seen.map(([engine, text]) => `${engine}: ${text}`).join("<br>");
}

const NOT_PROTECTED = `## What is not protected

- **A neighbour can deny service.** Whoever claims another's address on a bridge may keep requests and answers from reaching their owner,
  though he never gets them. So may whoever floods the bridge. One network for each role leaves neighbours that trust each other.
- **A neighbour can pose as the metadata service towards the victim**, by answering for the gateway's address: taskrole sees what comes to the
  host, not what stays on the bridge. Credentials can be put in, none taken out. \`--cap-drop NET_RAW\` takes the means away.
- **Nested containers are the outer container.** What a container starts in its own engine has its role, and cannot be told apart.
  So has whoever shares its network (\`--network container:X\`).
- **The docker group is root.** Whoever may speak to the Engine's socket may start a container with any label, or on the host. The rules of
  roles bind those who cannot. A container with the socket mounted is such a one.
- **Root on the host** can take away both layers of rules at once, read the daemon's memory or ask the real service. No packet rule stops it.
- **macvlan and ipvlan containers** do not pass the host's IP layer: they reach the real service unless the setting \`guardedUplinks\` names
  the uplink, or the instance's own settings stop them.
- **Containers on the host's network** (\`--network host\`) are told from the host's own programs by their control group, and refused or identified so
  (\`hostNetwork: refuse\` and \`identify\`; with \`host\` they have the host's role). Where that cannot be, they have the host's role: with a systemd older than 255, containers in
  \`system.slice\` (Docker's systemd driver without a \`cgroup-parent\`) in the first milliseconds of their cgroup and while taskrole does not run, which \`taskrole install\` and the log say, with the remedy; and everywhere with
  \`interception: iptables\`. One with NET_RAW can overhear every bridge of the host; do not give both.
- **The gap between somebody else's flush and its noticing.** After \`nft flush ruleset\` nothing reaches the real service, but until
  taskrole hears of it an address on a bridge counts for whoever has it: for some milliseconds, and for up to some 0.3 s where another change
  came just before, since the daemon waits 200 ms between two checks.
- **The first packet of an address's next owner is dropped** if it comes before taskrole has heard that the former has gone: some 10 ms on an idle machine.
  It costs that container one second, until its kernel sends again. While the Engine's events are held back it gets no answer at all.
- **With \`interception: iptables\` answers can be overheard** by a neighbour that claims the address; he cannot speak in its name where br_netfilter is on.
- **With \`interception: none\` nothing of this is protected**: a source address is believed, and what is redirected is somebody else's business.
- **A clock that is set back and stays wrong**: whether credentials are still valid is judged by the host's clock.

A second wall costs nothing: \`aws ec2 modify-instance-metadata-options --instance-id ID --http-tokens required --http-put-response-hop-limit 1\` keeps the
real service's answers from bridged containers, whatever happens to any rule.
`;

main();
