import type { Peer } from "../core/peer.ts";
import type { Workload } from "../core/workload.ts";

/**
 * The tie of a peer address to one workload, for as long as it holds. (The
 * kernel's part in it, veth and MAC, hangs here too: a resolver returns a
 * binding only once whatever enforces it is in place.)
 */
export interface Binding {
  /** Of the peer that {@link WorkloadResolver.resolve} was asked about. */
  readonly address: string;
  readonly workload: Workload;
  /**
   * False for ever from the moment the address may belong to someone else.
   * Asked again just before an answer is written: nothing is written on a binding that ended.
   */
  isCurrent(): boolean;
}

/** Answers "who is calling?" from the peer, and from what the kernel and the engines know of it. */
export interface WorkloadResolver {
  /** Names the source in logs, e.g. "docker". */
  readonly source: string;
  /**
   * The same binding to all who ask while it holds: whoever remembers something of it remembers it once. May take as long
   * as a container takes to start: a request can come before its engine knows it.
   *
   * @returns undefined when the peer is none of this source's.
   * @throws Refusal `identity-unavailable` or `contested-peer` when it cannot tell; then nobody guesses on.
   */
  resolve(peer: Peer): Promise<Binding | undefined>;
}

/** Asks each in order. One that cannot tell stops the search: to guess on would be unsafe. */
export function firstToKnow(resolvers: readonly WorkloadResolver[]): WorkloadResolver {
  const [first, ...others] = resolvers;
  if (first && others.length === 0) return first;
  return {
    source: resolvers.map(({ source }) => source).join("+"),
    async resolve(peer) {
      for (const resolver of resolvers) {
        const binding = await resolver.resolve(peer);
        if (binding) return binding;
      }
      return undefined;
    },
  };
}
