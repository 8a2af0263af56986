import { roleIn, type Sight } from "../probe/sight.ts";
import { bootOrder } from "./boot-check.ts";
import type { DecidedRole } from "./decided-role.ts";
import type { Finding, Observations } from "./observations.ts";
import { hostsIn, wordOf, wrongWith } from "./sight-check.ts";
import { failed, NOT_OURS, notChecked, passed, type Verdict } from "./verdict.ts";

/** Each question that a host must answer before containers are trusted to it, by what was seen there. */
export const findingsOf = (seen: Observations): readonly Finding[] =>
  CHECKS.map(({ check, judge }) => ({ check, ...judge(seen) }));

const CHECKS: readonly { readonly check: string; readonly judge: (seen: Observations) => Verdict }[] = [
  { check: "The packet rules are in place", judge: rulesInPlace },
  { check: "A container has its role", judge: ownRole },
  { check: "No container reaches the host's role", judge: noHostRole },
  { check: "A container on the host's network has what `hostNetwork` says", judge: hostNetwork },
  { check: "A container that names no role has what the settings give it, or none", judge: namelessRole },
  { check: "IMDSv2: a metadata token is given and good", judge: versionTwo },
  { check: "IMDSv1 is as `metadataTokens` says", judge: versionOne },
  { check: "A container started again has its role again", judge: roleAgain },
  { check: "While the daemon restarts, its own role or nothing", judge: daemonRestart },
  { check: "After a reboot taskrole's rules are there before Docker starts containers", judge: bootOrder },
];

function rulesInPlace({ rules }: Observations): Verdict {
  if (rules === "not ours") return notChecked(NOT_OURS);
  if ("unknown" in rules) return failed(`they could not be read: ${rules.unknown}`);
  const { missing, warnings } = rules;
  const warned = warnings.map((warning) => `; it warns: ${warning}`).join("");
  return missing.length === 0
    ? passed(`as \`taskrole interception status\` wants them${warned}`)
    : failed(`not in place: ${missing.join(", ")}; a running daemon puts them back${warned}`);
}

function ownRole(seen: Observations): Verdict {
  const wrong = wrongWith(seen.named, seen);
  const until = seen.named.credentials?.expiration ?? "";
  return wrong === undefined ? passed(`\`${seen.expected.roleName}\`, keys good until ${until}`) : failed(wrong);
}

function noHostRole(seen: Observations): Verdict {
  const { host, named, namedAgain, nameless, watch } = seen;
  if ("unknown" in host) return failed(`which that is, the host was not told: ${host.unknown}`);
  const allowed = [seen.expected.roleName, seen.expected.ofNameless.roleName];
  const reached = [named, namedAgain, nameless]
    .map((sight) => hostsIn(sight, host, allowed))
    .find((what) => what !== undefined);
  const watched = watch && `role ${host.roleName}` in watch.answers && host.roleName !== seen.expected.roleName;
  if (reached !== undefined || watched) {
    return failed(
      `A CONTAINER REACHED ${reached ?? "the host's role while the daemon restarted"}: see \`taskrole interception status\``,
    );
  }
  const attempts = (nameless.theft?.attempts ?? 0) + (nameless.over6.theft?.attempts ?? 0);
  if (attempts === 0) return failed(`nothing answered (${wordOf(nameless.token)}), so nothing was tried`);
  return passed(`nothing of it, in ${attempts} attempts by a container that names no role`);
}

function hostNetwork({ onHostNetwork: there, host }: Observations): Verdict {
  if ("untried" in there) return notChecked(there.untried);
  const { sight, decided } = there;
  const reached = hostsIn(sight, host, [decided.roleName]);
  if (reached !== undefined) return failed(`A CONTAINER REACHED ${reached}: see the setting \`hostNetwork\``);
  if (sight.theft === undefined) return failed(`nothing answered (${wordOf(sight.token)}), so nothing was tried`);
  return decidedIn(sight, decided);
}

function namelessRole({ nameless, expected }: Observations): Verdict {
  return decidedIn(nameless, expected.ofNameless);
}

function decidedIn({ listing }: Sight, { roleName, because }: DecidedRole): Verdict {
  const listed = roleIn(listing);
  const wanted = roleName === "" ? `none: ${because}` : `\`${roleName}\` (${because})`;
  if (listed !== roleName) return failed(`listed ${listed === "" ? "none" : `\`${listed}\``}; it is to have ${wanted}`);
  return passed(listed === "" ? `answered ${wordOf(listing)}: ${because}` : wanted);
}

function versionTwo({ named }: Observations): Verdict {
  if (wordOf(named.token) !== "200") return failed(`no token: ${wordOf(named.token)}`);
  return roleIn(named.listing) === ""
    ? failed(`a token, and with it ${wordOf(named.listing)}`)
    : passed("a token, and with it the role");
}

function versionOne({ named, expected: { metadataTokens } }: Observations): Verdict {
  const wanted = metadataTokens === "required" ? "401" : "200";
  const word = wordOf(named.listingWithoutToken);
  const seen = `without a token ${word}; \`metadataTokens\` is ${metadataTokens}`;
  return word === wanted ? passed(seen) : failed(seen);
}

function roleAgain(seen: Observations): Verdict {
  const wrong = wrongWith(seen.namedAgain, seen);
  return wrong === undefined ? passed(`\`${seen.expected.roleName}\``) : failed(wrong);
}

function daemonRestart({ watch, expected }: Observations): Verdict {
  if (watch === undefined) return notChecked("only with `--restart-daemon`");
  const own = `role ${expected.roleName}`;
  const tally = Object.entries(watch.answers)
    .map(([word, times]) => `${word} (${times})`)
    .join(", ");
  const others = Object.keys(watch.answers).filter((word) => word.startsWith("role ") && word !== own);
  if (others.length > 0) return failed(`it was given another: ${tally}`);
  return watch.last === own ? passed(tally) : failed(`it has no role since: ${tally}, at last ${watch.last}`);
}
