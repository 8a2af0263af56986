interface OfWorkload {
  readonly workload: string;
  /** Which of the roleRules is for it, from 1; undefined where none is, or there are none. */
  readonly rule?: number;
}

/** Every way a request can be refused. Metrics, logs and HTTP all read this one list. */
export type Failure =
  | { readonly kind: "malformed-request"; readonly reason: string }
  | { readonly kind: "host-not-allowed"; readonly host: string }
  | { readonly kind: "token-forwarded" }
  | { readonly kind: "token-ttl-invalid" }
  | { readonly kind: "token-path-versioned" }
  | { readonly kind: "token-missing" }
  | { readonly kind: "token-invalid" }
  | { readonly kind: "method-not-allowed"; readonly allow: string }
  | { readonly kind: "path-unknown" }
  | { readonly kind: "path-blocked"; readonly path: string }
  /** A path that no setting can open was asked for: somebody probes for the host's own role or identity. */
  | { readonly kind: "path-forbidden"; readonly path: string; readonly because: string }
  /** What the workload wrote to narrow its view of the metadata cannot be read. */
  | { readonly kind: "bad-paths"; readonly workload: string; readonly place: string; readonly reason: string }
  /** Whether the workload wants metadata tokens demanded cannot be read. */
  | { readonly kind: "bad-tokens"; readonly workload: string; readonly place: string; readonly text: string }
  /** The operator wants container credentials asked for with a token, and the workload's environment names none. */
  | { readonly kind: "authorization-not-set"; readonly workload: string }
  | { readonly kind: "authorization-missing" }
  | { readonly kind: "authorization-invalid" }
  /** No source of workloads knows this address. */
  | { readonly kind: "unknown-peer"; readonly address: string }
  /** Several running workloads claim the address: nobody is served by it. */
  | { readonly kind: "contested-peer"; readonly address: string; readonly claimants: readonly string[] }
  /** A container on the host's own network, and the operator gives those nothing. `workload` where it can be told. */
  | { readonly kind: "host-network-refused"; readonly address: string; readonly workload?: string }
  /** Nobody can tell whose connection of this host's own it is. */
  | {
      readonly kind: "unknown-connection";
      readonly address: string;
      readonly port: number;
      /** Completes "as …". */
      readonly reason: string;
    }
  /** The sources of workloads cannot tell at the moment; asking again may help. The remedy is for the operator. */
  | {
      readonly kind: "identity-unavailable";
      readonly address: string;
      readonly reason: string;
      readonly remedy?: string;
    }
  | (OfWorkload & { readonly kind: "no-role" })
  | (OfWorkload & { readonly kind: "bad-role"; readonly place: string; readonly reason: string })
  /** The operator's rules say nothing of this workload, and so it has nothing. */
  | { readonly kind: "no-rule"; readonly workload: string }
  /** The operator's rule does not let this workload have the role. */
  | {
      readonly kind: "role-refused";
      readonly workload: string;
      readonly roleArn: string;
      /** From 1, in the order of the setting roleRules. */
      readonly rule: number;
      /** Completes "…, because". */
      readonly because: string;
    }
  /** What the session is to carry besides the role cannot be asked of STS. */
  | (OfWorkload & { readonly kind: "bad-session"; readonly place: string; readonly reason: string })
  | { readonly kind: "role-mismatch"; readonly requested: string; readonly granted: string }
  /** STS said no and will say no again until someone changes a policy. */
  | {
      readonly kind: "sts-denied";
      readonly roleArn: string;
      readonly code: string;
      /** Who STS says this host is, e.g. arn:aws:sts::111122223333:assumed-role/host/i-0123. */
      readonly callerArn?: string;
      /** Which of the two trusts is missing, as far as STS says. */
      readonly missing?: "host-permission" | "role-trust";
    }
  | { readonly kind: "sts-unavailable"; readonly roleArn: string; readonly code: string }
  /** STS was asked too often, by this host or by others of its account. */
  | { readonly kind: "sts-throttled"; readonly roleArn: string; readonly code: string; readonly retryAfterMs?: number }
  /** The call to STS is under way and goes on; the caller has waited long enough. */
  | { readonly kind: "credentials-pending"; readonly roleArn: string }
  | { readonly kind: "upstream-unavailable"; readonly what: string; readonly reason: string };

/** The only error the product throws on purpose. Anything else that escapes is a bug. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.kind, options);
    this.failure = failure;
  }
}
