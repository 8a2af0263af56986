/** What a workload says of itself, and where it wrote it. */
export interface WorkloadClaim {
  /** As written: no trimming, no defaults. */
  readonly text: string;
  /** For the operator, e.g. "label taskrole.role" or "environment variable IAM_ROLE". */
  readonly place: string;
}

/** What a workload says of itself and nobody can use. */
export interface UnusableClaim {
  /** As {@link WorkloadClaim}'s. */
  readonly place: string;
  readonly reason: string;
}

/** What a workload wants of its session besides the role. */
export interface SessionClaims {
  readonly externalId?: WorkloadClaim;
  /** An inline session policy, in JSON. */
  readonly policy?: WorkloadClaim;
  /** ARNs of managed policies, with commas or white space between. */
  readonly policyArns?: WorkloadClaim;
  /** A template. */
  readonly sessionName?: WorkloadClaim;
  /** A template. */
  readonly sourceIdentity?: WorkloadClaim;
  /** By tag key; each a template. */
  readonly sessionTags?: Readonly<Record<string, WorkloadClaim>>;
  /** Tag keys, with commas between. */
  readonly transitiveTags?: WorkloadClaim;
}

/** What is known of a workload besides who it is: what the operator's rules look at, and templates name. */
export interface WorkloadTraits {
  /** As it was started from, e.g. "registry.example/red/app:1.2". A name that whoever may use the engine can give to any image. */
  readonly image: string;
  /** "sha256:…": of the image's configuration, which nobody can give to another. "" where the engine does not say. */
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names. */
  readonly networks: readonly string[];
  /** Of its environment, what the operator's templates name and no more, since secrets are kept there; undefined where they name nothing. */
  readonly variables?: Readonly<Record<string, string>>;
  /** As the container was asked for: "host", "private", "keep-id", …; "" is the engine's own default. */
  readonly userNamespace: string;
}

/** Whoever asks for credentials: one life of one container. */
export interface Workload {
  /** The container's full id; unique on this host. */
  readonly id: string;
  /** As the operator knows it, e.g. "web-1". */
  readonly name: string;
  /**
   * Tells one life of an id from the next (Docker's State.StartedAt): a restarted
   * container is another workload, and its predecessor's tokens mean nothing to it.
   */
  readonly startedAt: string;
  /** Undefined when the workload names no role: then the operator's default role decides. */
  readonly roleClaim?: WorkloadClaim;
  readonly sessionClaims?: SessionClaims;
  /** Slips of the fingers: one of them may have meant a limit, so that a session without it is not what was asked for. */
  readonly unusableClaims?: readonly UnusableClaim[];
  /** Undefined for a workload that no engine knows. */
  readonly traits?: WorkloadTraits;
  /** What of the host's metadata it wants to be left with; undefined for all that the operator allows. */
  readonly pathsClaim?: WorkloadClaim;
  /** Whether it wants to be asked for metadata tokens, "required" or "optional"; undefined: as the operator says. */
  readonly tokensClaim?: WorkloadClaim;
  /**
   * SHA-256, in hexadecimal, of the token that its environment tells SDKs to send for container credentials; the token
   * itself is kept nowhere. Undefined when it names none.
   */
  readonly authorizationDigest?: string;
}

/** Names one life of one workload; what tokens and connections are bound to. */
export const workloadKey = (workload: Workload): string => `${workload.id}@${workload.startedAt}`;
