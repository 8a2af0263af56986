/** What a workload says of itself, and where it wrote it. */
export interface WorkloadClaim {
  /** As written: no trimming, no defaults. */
  readonly text: string;
  /** For the operator, e.g. "label taskrole.role" or "environment variable IAM_ROLE". */
  readonly place: string;
}

/** Whoever asks for credentials: one life of one container. */
export interface Workload {
  /** The container's full id; unique on this host. */
  readonly id: string;
  /** As the operator knows it, e.g. "web-1"; for logs and the session name, never for a decision. */
  readonly name: string;
  /**
   * Tells one life of an id from the next (Docker's State.StartedAt): a restarted
   * container is another workload, and its predecessor's tokens mean nothing to it.
   */
  readonly startedAt: string;
  /** Undefined when the workload names no role: then the operator's default role decides. */
  readonly roleClaim?: WorkloadClaim;
  /** What of the host's metadata it wants to be left with; undefined for all that the operator allows. */
  readonly pathsClaim?: WorkloadClaim;
  /**
   * SHA-256, in hexadecimal, of the token that its environment tells SDKs to send for container credentials; the token
   * itself is kept nowhere. Undefined when it names none.
   */
  readonly authorizationDigest?: string;
}

/** Names one life of one workload; what tokens and connections are bound to. */
export const workloadKey = (workload: Workload): string => `${workload.id}@${workload.startedAt}`;
