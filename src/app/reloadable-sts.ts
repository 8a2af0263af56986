import type { CredentialIssuer } from "../broker/credential-issuer.ts";
import type { Config } from "./options.ts";
import { type StsPart, type StsWiring, stsPart } from "./sts-service.ts";

export interface ReloadableSts extends StsPart {
  /** From now on STS is asked as these settings say; calls under way end as they began. */
  readonly apply: (config: Config) => void;
}

/** STS, at another place when the settings say so: all that is made from its region and endpoint is replaced as a whole. */
export function reloadableSts(wiring: StsWiring): ReloadableSts {
  let settings = wiring.config;
  let current = new StsInUse(stsPart(wiring));
  return {
    issuer: { issue: (grant) => current.issue(grant) },
    warm: () => current.part.warm(),
    service: {
      name: current.part.service.name,
      start: () => current.part.service.start(),
      stop: () => current.part.service.stop(),
    },
    apply(config) {
      const isSame = config.region === settings.region && config.stsEndpoint === settings.stsEndpoint;
      settings = config;
      if (isSame) return;
      const old = current;
      current = new StsInUse(stsPart({ ...wiring, config }));
      void current.part.service.start();
      void old.retire();
    },
  };
}

class StsInUse implements CredentialIssuer {
  readonly part: StsPart;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(part: StsPart) {
    this.part = part;
  }

  issue: CredentialIssuer["issue"] = (grant) => {
    const call = this.part.issuer.issue(grant);
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
