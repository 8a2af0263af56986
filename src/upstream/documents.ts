import type { AllowedPath } from "../core/allowed-paths.ts";
import { encodedPath } from "../core/metadata-path.ts";
import type { UpstreamClient } from "./upstream-client.ts";

/**
 * The one way from a workload's request to the real metadata service: a path
 * that the allow list made, asked afresh. Nothing the client sent goes along.
 *
 * @returns undefined where upstream has no such document
 * @throws Refusal `upstream-unavailable`
 */
export const readDocument =
  (upstream: Pick<UpstreamClient, "get">) =>
  async (version: string, path: AllowedPath | readonly []): Promise<Uint8Array | undefined> => {
    if (path.length === 0) return upstream.get(version === "" ? "" : `${version}/`);
    return upstream.get(`${version}/${encodedPath(path)}`);
  };
