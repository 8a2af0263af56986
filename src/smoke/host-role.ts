import { Refusal } from "../core/failure.ts";
import { UpstreamClient } from "../upstream/upstream-client.ts";
import type { HostRole } from "./observations.ts";

const ROLES = "latest/meta-data/iam/security-credentials/";
const TIMEOUT_MS = 5_000;

/** Asks the real metadata service as the host that it is; of the keys no more than their id is kept. */
export async function hostRole(metadataUrl: string): Promise<HostRole> {
  const upstream = upstreamOf(metadataUrl);
  try {
    const roleName = textOf(await upstream.get(ROLES));
    if (roleName === "") return { roleName, accessKeyId: "" };
    return { roleName, accessKeyId: accessKeyIdIn(textOf(await upstream.get(ROLES + encodeURIComponent(roleName)))) };
  } catch (error) {
    if (!(error instanceof Refusal) || error.failure.kind !== "upstream-unavailable") throw error;
    return { unknown: `${metadataUrl}: ${error.failure.reason}` };
  }
}

export const upstreamOf = (url: string): UpstreamClient =>
  new UpstreamClient({ url, now: Date.now, timeoutMs: TIMEOUT_MS });

const textOf = (body: Buffer | undefined): string => body?.toString("utf8").trim() ?? "";

const accessKeyIdIn = (document: string): string => /"AccessKeyId"\s*:\s*"(\w+)"/.exec(document)?.[1] ?? "";
