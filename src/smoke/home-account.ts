import type { Config } from "../app/options.ts";
import { Refusal } from "../core/failure.ts";
import type { HomeAccount } from "../core/role-arn.ts";
import { HostIdentitySource } from "../upstream/host-identity.ts";
import { upstreamOf } from "./host-role.ts";

/** Where roles are that are written without an account, as for the daemon; undefined where the host is not told. */
export async function homeAccount({ metadataUrl, defaultAccountId }: Config): Promise<HomeAccount | undefined> {
  try {
    const { partition, accountId } = await new HostIdentitySource(upstreamOf(metadataUrl), Date.now).get();
    return { partition, accountId: defaultAccountId ?? accountId };
  } catch (error) {
    if (error instanceof Refusal && error.failure.kind === "upstream-unavailable") return undefined;
    throw error;
  }
}
