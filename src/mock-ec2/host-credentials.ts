import type { Credentials, EpochMs } from "../core/credentials.ts";
import type { SessionKeys } from "./session-keys.ts";
import { hostRoleArn, type Instance } from "./world.ts";

export interface HostCredentialsOptions {
  readonly keys: SessionKeys;
  readonly now: () => EpochMs;
  /** Life of one set, e.g. six hours; the next set is there when half of it is over. */
  readonly lifetimeMs: number;
}

/**
 * The keys that EC2 itself delivers to an instance. Sets follow one another at
 * fixed times, so the same seed gives the same set to whoever asks, before and after a restart.
 */
export class HostCredentials {
  readonly #options: HostCredentialsOptions;

  constructor(options: HostCredentialsOptions) {
    this.#options = options;
  }

  /** Of the instance profile's role; its session is named after the instance, as EC2 does. */
  ofProfile(instance: Instance): Credentials {
    return this.#current("host", hostRoleArn(instance), instance.id);
  }

  /**
   * Of the instance identity role, for AWS's own agents.
   * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html#ec2-instance-identity-roles
   */
  ofIdentity({ partition, accountId, id }: Instance): Credentials {
    return this.#current("identity", `arn:${partition}:iam::${accountId}:role/aws:ec2-instance`, id);
  }

  #current(kind: "host" | "identity", roleArn: string, sessionName: string): Credentials {
    const { keys, now, lifetimeMs } = this.#options;
    const period = lifetimeMs / 2;
    const issuedAt = Math.floor(now() / period) * period;
    const session = { kind, roleArn, sessionName, issuedAt, expiresAt: issuedAt + lifetimeMs, transitiveTags: {} };
    return keys.issue(session, `${kind} ${roleArn} ${sessionName} ${issuedAt}`);
  }
}
