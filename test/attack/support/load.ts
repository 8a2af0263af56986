import { setTimeout as sleep } from "node:timers/promises";
import type { Asker } from "../../e2e/support/containers.ts";
import { CREDENTIALS_PATH, type MetadataClient } from "../../e2e/support/metadata-client.ts";

/** Somebody who asks who he is, again and again. */
export interface LoadedAsker {
  readonly role: string;
  readonly metadata: MetadataClient;
}

/** What came of it all. */
export interface LoadCount {
  readonly asked: number;
  readonly right: number;
  /** Answers with any other name than the asker's own role. */
  readonly wrong: readonly string[];
}

const AT_ONCE = 3;
const ANSWER_MS = 1_000;
/** Leaves the machine to what happens meanwhile. */
const PAUSE_MS = 15;

/** Every asker asks over and over while something happens to the host. */
export async function underLoad(askers: readonly LoadedAsker[], happening: () => Promise<unknown>): Promise<LoadCount> {
  const count = { asked: 0, right: 0, wrong: [] as string[] };
  let isOver = false;
  const asking = async ({ role, metadata }: LoadedAsker) => {
    while (!isOver) {
      const { status, body } = await metadata.get(CREDENTIALS_PATH, undefined, ANSWER_MS);
      count.asked += 1;
      if (status === 200 && body === role) count.right += 1;
      else if (status === 200) count.wrong.push(`${role} was answered ${body}`);
      await sleep(PAUSE_MS);
    }
  };
  const all = askers.flatMap((asker) => Array.from({ length: AT_ONCE }, () => asking(asker)));
  try {
    await happening();
  } finally {
    isOver = true;
    await Promise.all(all);
  }
  return count;
}

/** Over IPv4, and over IPv6 where the container has it. */
export const askersOf = (
  container: Asker,
  { role, hasIpv6 = false }: { role: string; hasIpv6?: boolean },
): readonly LoadedAsker[] => [
  { role, metadata: container.metadata },
  ...(hasIpv6 ? [{ role, metadata: container.metadata.over6 }] : []),
];
