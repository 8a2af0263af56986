import { BOOT_UNIT, DOCKER_UNIT, SERVICE_UNIT, type UnitFacts } from "./boot-order.ts";
import type { Observations } from "./observations.ts";
import { failed, NOT_OURS, notChecked, passed, type Verdict } from "./verdict.ts";

/** Whether taskrole is there before Docker starts containers: as systemd is told, and after a reboot by its times. */
export function bootOrder({ boot = [], rules, isAfterReboot }: Observations): Verdict {
  if (rules === "not ours") return notChecked(NOT_OURS);
  const own = decisiveIn(boot);
  if (own.length === 0) return notChecked("no unit of taskrole's is known to systemd here: see docs/install");
  const enabled = own.filter(({ fileState }) => fileState === "enabled");
  if (enabled.length === 0) return failed(`not enabled: \`systemctl enable ${own.map(({ id }) => id).join(" ")}\``);
  const early = enabled.filter(({ before }) => before.includes(DOCKER_UNIT));
  const [first] = early;
  if (first === undefined) return failed(`${namesOf(enabled)}: not ordered \`Before=${DOCKER_UNIT}\``);
  if (!isAfterReboot) return passed(`\`${first.id}\` is enabled and before \`${DOCKER_UNIT}\`; not tried by a reboot`);
  return startedFirst(early, boot);
}

/**
 * Where the daemon is a service it must be there itself: what holds the containers back until then gives them no role.
 * Elsewhere, as where it is a container, one of those that hold them back is enough: past the routing rules none comes.
 */
function decisiveIn(boot: readonly UnitFacts[]): readonly UnitFacts[] {
  const own = boot.filter(({ id, isLoaded }) => isLoaded && id !== DOCKER_UNIT && id !== BOOT_UNIT);
  const service = own.find(({ id }) => id === SERVICE_UNIT);
  return service === undefined ? own : [service];
}

function startedFirst(own: readonly UnitFacts[], boot: readonly UnitFacts[]): Verdict {
  const [docker, reached] = [DOCKER_UNIT, BOOT_UNIT].map((id) => boot.find((unit) => unit.id === id));
  if (docker === undefined || docker.startedAt === 0) return failed(`\`${DOCKER_UNIT}\` was not started in this boot`);
  const unknown = whyNotOfBoot(docker, reached?.activeAt ?? 0);
  if (unknown !== undefined) return notChecked(unknown);
  const early = own.find(({ activeAt }) => activeAt > 0 && activeAt <= docker.startedAt);
  if (early === undefined) {
    const again = "or was started again since: reboot, and ask again at once";
    return failed(`${namesOf(own)} came after \`${DOCKER_UNIT}\`, ${again}`);
  }
  const gap = ((docker.startedAt - early.activeAt) / 1e6).toFixed(1);
  return passed(`\`${early.id}\` was there ${gap} s before \`${DOCKER_UNIT}\` began to start`);
}

/** systemd remembers a unit's last start alone. Why Docker's is not that of the boot; undefined: it is. */
function whyNotOfBoot({ startedAt, restarts }: UnitFacts, bootedAt: number): string | undefined {
  if (bootedAt === 0) return `the boot has not come to \`${BOOT_UNIT}\` yet: ask again when it has`;
  if (startedAt <= bootedAt && restarts === 0) return undefined;
  return `\`${DOCKER_UNIT}\` was started again since the boot: reboot, and ask again at once`;
}

const namesOf = (units: readonly UnitFacts[]): string => units.map(({ id }) => `\`${id}\``).join(", ");
