import type { CredentialIssuer } from "../broker/credential-issuer.ts";
import { PacedIssuer } from "../broker/paced-issuer.ts";
import { sleep } from "../kit/sleep.ts";
import { type HostCredentialsWiring, hostCredentialsPart } from "./host-credentials-service.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";
import { type StsPart, type StsWiring, stsPart } from "./sts-service.ts";

export interface ReloadableSts extends Pick<StsPart, "warm"> {
  readonly issuer: PacedIssuer;
  readonly services: readonly Service[];
  /** From now on STS is asked as these settings say; calls under way end as they began. */
  readonly apply: (config: Config) => void;
}

export type ReloadableStsWiring = Omit<StsWiring, "own"> & HostCredentialsWiring;

/**
 * STS, at another place when the settings say so: all that is made from its region and endpoint is replaced as a whole, and
 * what the former place has borne says nothing of the next. The host's own credentials are the same everywhere, and are kept:
 * their service may be down just when STS is moved.
 */
export function reloadableSts(given: ReloadableStsWiring): ReloadableSts {
  const own = hostCredentialsPart(given);
  const wiring = { ...given, own: own.source };
  let settings = wiring.config;
  let current = new StsInUse(stsPart(wiring));
  const uptime = (): number => performance.now();
  const issue: CredentialIssuer["issue"] = (grant, onSecondTry) => current.issue(grant, onSecondTry);
  const issuer = new PacedIssuer({ issuer: { issue }, uptime, sleep });
  const inUse: Service = {
    name: current.part.service.name,
    start: () => current.part.service.start(),
    stop: () => current.part.service.stop(),
  };
  return {
    issuer,
    warm: () => current.part.warm(),
    services: [own.service, inUse],
    apply(config) {
      const isSame = config.region === settings.region && config.stsEndpoint === settings.stsEndpoint;
      settings = config;
      if (isSame) return;
      const old = current;
      current = new StsInUse(stsPart({ ...wiring, config }));
      void current.part.service.start();
      void old.retire();
      issuer.startAfresh();
    },
  };
}

class StsInUse implements CredentialIssuer {
  readonly part: StsPart;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(part: StsPart) {
    this.part = part;
  }

  issue: CredentialIssuer["issue"] = (grant, onSecondTry) => {
    const call = this.part.issuer.issue(grant, onSecondTry);
    this.#underWay.add(call);
    const ended = () => void this.#underWay.delete(call);
    call.then(ended, ended);
    return call;
  };

  async retire(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.part.service.stop();
  }
}
