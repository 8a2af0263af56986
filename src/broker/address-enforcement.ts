/** Who an address belongs to, as whoever enforces it must know. */
export interface AddressOwner {
  /** In the spelling of a peer's address. */
  readonly address: string;
  /** As the engine says, e.g. "02:42:ac:11:00:02"; "" when it does not. */
  readonly macAddress: string;
  /** Of a process in the owner's network namespace. */
  readonly pid: number;
  /** For people: "web-1 (9f3c8d7e6a5b)". */
  readonly name: string;
}

/** The kernel's word that an address counts for its owner alone. */
export interface Enforcement {
  /** False from the moment the rules may be gone, for ever. */
  isInForce(): boolean;
  /**
   * Looks for the owner's link itself: false, and released, once it is gone, also where it has got another since. From
   * that one nobody could be heard in the address's name. A system call: for when it is in doubt, not for each request.
   */
  isLinked(): boolean;
  release(): void;
}

/** Why an address could not be tied to its owner. */
export class EnforcementError extends Error {
  override readonly name: string = "EnforcementError";
  /** Of the operator's; undefined where it may pass by itself. */
  readonly remedy: string | undefined;

  constructor(reason: string, options: ErrorOptions & { readonly remedy?: string } = {}) {
    super(reason, options);
    this.remedy = options.remedy;
  }
}

/** Resolves once nobody else can speak or hear in the address's name. @throws EnforcementError when that cannot be had */
export type Enforce = (owner: AddressOwner) => Promise<Enforcement>;
