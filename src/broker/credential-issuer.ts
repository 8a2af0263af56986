import type { Credentials } from "../core/credentials.ts";
import type { Grant } from "../core/grant.ts";

/** Turns a grant into a session's credentials. */
export interface CredentialIssuer {
  /** @throws Refusal `sts-denied` when asking again is useless, `sts-unavailable` or `sts-throttled` when it may help. */
  issue(grant: Grant): Promise<Credentials>;
}
