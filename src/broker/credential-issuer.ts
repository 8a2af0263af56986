import type { Credentials } from "../core/credentials.ts";
import type { Grant } from "../core/grant.ts";

/** Turns a grant into a session's credentials. */
export interface CredentialIssuer {
  /**
   * @param onSecondTry called before STS is asked once more for the same session, which counts like any call
   * @throws Refusal `sts-denied` when asking again is useless, `sts-unavailable` or `sts-throttled` when it may help.
   */
  issue(grant: Grant, onSecondTry?: () => void): Promise<Credentials>;
}
