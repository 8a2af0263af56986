import type { Workload } from "../core/workload.ts";

/**
 * The tie of a peer address to one workload, for as long as it holds. (The
 * kernel's part in it, veth and MAC, hangs here too: a resolver returns a
 * binding only once whatever enforces it is in place.)
 */
export interface Binding {
  /** As {@link WorkloadResolver.resolve} was asked. */
  readonly address: string;
  readonly workload: Workload;
  /**
   * False for ever from the moment the address may belong to someone else.
   * Asked again just before an answer is written: nothing is written on a binding that ended.
   */
  isCurrent(): boolean;
}

/** Answers "who is calling?" from the peer's source address. */
export interface WorkloadResolver {
  /** Names the source in logs, e.g. "docker". */
  readonly source: string;
  /**
   * May take as long as a container takes to start: a request can come before its engine knows it.
   *
   * @param peerAddress IPv4 dotted, or IPv6 in its canonical form without zone.
   * @returns undefined when the address is none of this source's.
   * @throws Refusal `identity-unavailable` or `contested-peer` when it cannot tell; then nobody guesses on.
   */
  resolve(peerAddress: string): Promise<Binding | undefined>;
}

/** Asks each in order. One that cannot tell stops the search: to guess on would be unsafe. */
export function firstToKnow(resolvers: readonly WorkloadResolver[]): WorkloadResolver {
  return {
    source: resolvers.map(({ source }) => source).join("+"),
    async resolve(peerAddress) {
      for (const resolver of resolvers) {
        const binding = await resolver.resolve(peerAddress);
        if (binding) return binding;
      }
      return undefined;
    },
  };
}
