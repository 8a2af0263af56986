import { strayWarning } from "../kernel/host-processes.ts";
import { likelyTool } from "./foreign-rules.ts";
import { PLACES, SOCKET, USER } from "./places.ts";
import type { Survey, Wishes } from "./survey.ts";
import { tellsOfScopes } from "./units.ts";

/** Something about the host that the operator should know. */
export interface Finding {
  /** "stop": nothing is installed while it is so. */
  readonly weight: "stop" | "warning";
  readonly sentence: string;
  readonly remedy: string;
}

type Check = (survey: Survey, wishes: Wishes) => readonly Finding[];

/** Everything at once, the worst first. */
export function findingsOn(survey: Survey, wishes: Wishes): readonly Finding[] {
  const all = CHECKS.flatMap((check) => check(survey, wishes));
  return [...all.filter(({ weight }) => weight === "stop"), ...all.filter(({ weight }) => weight === "warning")];
}

const finding =
  (weight: Finding["weight"]) =>
  (sentence: string, remedy: string): readonly Finding[] => [{ weight, sentence, remedy }];
const stop = finding("stop");
const warning = finding("warning");
const NOTHING: readonly Finding[] = [];

const systemd: Check = ({ systemd: version }) => {
  if (version === undefined)
    return stop(
      "This host is not run by systemd (there is no /run/systemd/system).",
      "Have its own service manager run `taskrole serve` as root, before Docker; docs/interception.md says what else it can run as.",
    );
  return Number(version) < OLDEST_SYSTEMD
    ? stop(
        `systemd here is ${version}: the units need ${OLDEST_SYSTEMD} or later. It would give the daemon no capabilities, or nothing to keep in ${PLACES.runtime} over a restart.`,
        "Run taskrole in a container: docs/install/container.md, and docs/install/amazon-linux.md for Amazon Linux 2.",
      )
    : NOTHING;
};
/**
 * RuntimeDirectoryPreserve=; AmbientCapabilities= came with 229. What an older one does not know it leaves out with a line in
 * the log: https://github.com/systemd/systemd/blob/v255/NEWS
 */
const OLDEST_SYSTEMD = 235;

const executable: Check = ({ executable: path }) =>
  path === undefined
    ? stop(
        "This taskrole is no executable of its own: it runs on Node, from its source or from npm.",
        "Install from the released file: `./taskrole install`. From a checkout: `npm run build && dist/taskrole install`.",
      )
    : NOTHING;

const programs: Check = ({ missingPrograms }) =>
  missingPrograms.length === 0
    ? NOTHING
    : stop(
        `There is no ${missingPrograms.join(" and no ")} on this host, in PATH, /usr/sbin or /sbin.`,
        "Install the package passwd (Debian, Ubuntu) or shadow-utils (Amazon Linux, Fedora).",
      );

const account: Check = ({ login, hasGroupAlone }) => {
  if (hasGroupAlone)
    return stop(
      `There is a group ${USER} and no user of that name: useradd would not make both.`,
      `If nobody needs it: groupdel ${USER}. Otherwise make the user yourself: useradd --system --gid ${USER} --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ${USER}`,
    );
  return login === undefined
    ? NOTHING
    : warning(
        `There is a user ${USER} already, who can log in (uid ${login.uid}, shell ${login.shell}): the daemon runs as that user, who can then do all it may.`,
        `If nobody logs in by it: usermod --shell /usr/sbin/nologin ${USER}. Otherwise give that user another name before you install: usermod --login OTHER ${USER}; groupmod --new-name OTHER ${USER}`,
      );
};

const AMONG_SERVICES = strayWarning("system.slice");

/** What the installation itself is about to mend is no warning. */
const interception: Check = (survey, { config }) => {
  const { interception: sight } = survey;
  if (sight.kind === "fails") return stop(sight.sentence, sight.remedy);
  if (sight.kind === "works") {
    const isMended = (sentence: string) => sentence === AMONG_SERVICES && tellsOfScopes(survey, config);
    const left = sight.warnings.filter((sentence) => !isMended(sentence));
    return left.flatMap((sentence) => warning(sentence, SEE_INTERCEPTION));
  }
  return warning(
    "The packet rules of this host were not looked at: that takes root.",
    "Run the same command as root; with --dry-run it changes nothing either.",
  );
};

const SEE_INTERCEPTION = "See docs/interception.md.";

/** Before there is a container: once there is one, it is among the warnings of the packet rules. */
const cgroupsToCome: Check = (survey, { config }) => {
  const { unnamedCgroup, interception: sight } = survey;
  if (unnamedCgroup === undefined) return NOTHING;
  const sentence = strayWarning(unnamedCgroup);
  if (sentence === AMONG_SERVICES && tellsOfScopes(survey, config)) return NOTHING;
  const isSaid = sight.kind === "works" && sight.warnings.includes(sentence);
  return isSaid ? NOTHING : warning(sentence, SEE_INTERCEPTION);
};

const oldNft: Check = ({ nft }, { config }) =>
  config.interception !== "nftables" || nft === undefined || !isBefore(nft, TRIED_NFT)
    ? NOTHING
    : warning(
        `nft here is ${nft}: below ${TRIED_NFT} the bindings, which keep a container from another's role, were not tried.`,
        "Try them on this host once taskrole is installed: taskrole smoke --role ROLE. Where a check fails: a newer nftables, or interception: iptables.",
      );
const TRIED_NFT = "1.0.6";

/** Number by number: 1.0.10 is after 1.0.9. */
const isBefore = (version: string, other: string): boolean => version.localeCompare(other, "en", { numeric: true }) < 0;

const docker: Check = ({ docker: sight }, { config }) => {
  if (sight.kind === "absent")
    return stop(
      `There is no Docker here: ${sight.path} is missing, and so is docker.service.`,
      "Install Docker first (Debian: apt-get install docker.io), or name its socket by the setting dockerEndpoint.",
    );
  if (sight.kind === "tcp") return NOTHING;
  return sight.group === undefined
    ? stop(
        `${sight.path} is root's alone: a daemon that is not root cannot ask Docker who has an address.`,
        `Let a group have it (SocketGroup=docker in docker.socket, after groupadd --system docker); dockerEndpoint is ${config.dockerEndpoint}.`,
      )
    : NOTHING;
};

const firewall: Check = ({ foreign: { droppingChains } }, { config }) =>
  droppingChains.flatMap(({ name, opening }) =>
    warning(
      `A firewall drops what it does not know (chain ${name}), and containers' requests with it: they come to port ${config.listen.port} of this host.`,
      `Let them in, and have your firewall keep it: ${opening} (more in docs/interception.md).`,
    ),
  );

const redirects: Check = ({ foreign }, { config }) =>
  config.interception === "none"
    ? NOTHING
    : foreign.redirects.flatMap((removal) => {
        const tool = likelyTool(removal);
        return warning(
          `Another tool's rule${tool === undefined ? "" : `, probably ${tool}'s,`} leads containers' metadata requests elsewhere. taskrole's come before it; it stays as it is.`,
          `Once that tool is stopped: ${removal}`,
        );
      });

const port: Check = ({ isPortTaken }, { config }) =>
  isPortTaken
    ? stop(
        `Port ${config.listen.port} is in use already, and not by ${SOCKET}.`,
        "Stop who has it (`ss -ltnp` shows whom; an earlier taskrole: systemctl stop taskrole), or set listen to another port.",
      )
    : NOTHING;

const unwritable: Check = ({ unwritable: folders }) =>
  folders.flatMap(({ path, code }) =>
    code === "ENOENT"
      ? stop(`There is no folder ${path}, and something goes into it.`, `mkdir -p ${path}`)
      : stop(
          `Nothing can be written into ${path} (${code}).`,
          code === "EROFS"
            ? "Mount it writable for the installation; where it never is, docs/install/flatcar.md says how to install by hand."
            : "See why: lsattr -d, mount, and the file system's health.",
        ),
  );

const obstacles: Check = ({ obstacles: found }) =>
  found.flatMap((obstacle) => {
    if (obstacle.kind === "hidden")
      return stop(
        `${obstacle.path} is hidden from the daemon: its unit has ${obstacle.by}=yes.`,
        `Put it elsewhere, e.g. below /etc/taskrole, with ${obstacle.name} leading there.`,
      );
    const { path, file, mode, lacks } = obstacle;
    const use = path === file ? { r: "read it", x: "enter it", rx: "run it" }[lacks] : `come to ${file}`;
    return stop(
      `${path} has the mode ${mode}: the daemon, which is not root, cannot ${use}.`,
      `chmod a+${lacks} ${path}`,
    );
  });

const runtimeDirectory: Check = (_, { config }) =>
  config.runtimeDirectory === PLACES.runtime
    ? NOTHING
    : stop(
        `The setting runtimeDirectory is ${config.runtimeDirectory}, and the unit gives the daemon ${PLACES.runtime} alone.`,
        "Leave the setting out.",
      );

const noMetadata: Check = ({ instanceId }) =>
  instanceId === undefined
    ? warning(
        "No metadata service answers here: this is no EC2 instance, or its metadata service is off.",
        "On EC2: aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled --http-tokens required",
      )
    : NOTHING;

const PACKET_RULES_ALONE = "containers are kept from the host's role by the packet rules alone";

const hopLimit: Check = ({ instanceId, answerHops }) => {
  if (instanceId === undefined || answerHops === "no further") return NOTHING;
  const limit = `aws ec2 modify-instance-metadata-options --instance-id ${instanceId} --http-tokens required --http-put-response-hop-limit 1`;
  if (answerHops === "further")
    return warning(
      `The real metadata service's answers may take more than one hop: they reach containers, and ${PACKET_RULES_ALONE}.`,
      `A wall behind the wall: ${limit}`,
    );
  return warning(
    `How many hops the real metadata service's answers may take cannot be seen from here. If it is more than one, ${PACKET_RULES_ALONE}.`,
    `Look: aws ec2 describe-instances --instance-ids ${instanceId} --query 'Reservations[].Instances[].MetadataOptions'. Limit it: ${limit}`,
  );
};

const interrupted: Check = ({ journal }) =>
  journal === undefined || journal.isComplete
    ? NOTHING
    : warning(
        `An earlier installation, or its removal, was interrupted: ${PLACES.journal} tells what was done.`,
        "It is finished now; `taskrole uninstall` would take it back.",
      );

const CHECKS: readonly Check[] = [
  systemd,
  executable,
  programs,
  account,
  interception,
  cgroupsToCome,
  oldNft,
  docker,
  port,
  runtimeDirectory,
  unwritable,
  obstacles,
  firewall,
  redirects,
  noMetadata,
  hopLimit,
  interrupted,
];
