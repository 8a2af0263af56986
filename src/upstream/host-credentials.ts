import { Refusal } from "../core/failure.ts";
import type { UpstreamClient } from "./upstream-client.ts";

/** The execution role's keys, in the AWS SDK's own spelling: they go to the STS client and nowhere else. */
export interface HostCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

const PATH = "latest/meta-data/iam/security-credentials/";

/**
 * The host's execution role, read afresh from the real metadata service.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 *
 * @throws Refusal `upstream-unavailable`, with what the operator should look at
 */
export async function hostCredentials(upstream: Pick<UpstreamClient, "get">): Promise<HostCredentials> {
  const role = await upstream.get(PATH);
  if (!role) throw unusable("the instance has no instance profile: attach one that may assume the containers' roles");
  const body = await upstream.get(PATH + encodeURIComponent(role.toString("utf8").trim()));
  return parsed(body?.toString("utf8") ?? "");
}

function parsed(text: string): HostCredentials {
  const { Code, AccessKeyId, SecretAccessKey, Token, Expiration } = fieldsOf(text);
  if (Code !== "Success") throw unusable(`the instance profile's credentials are not ready: Code ${String(Code)}`);
  if (!isText(AccessKeyId) || !isText(SecretAccessKey) || !isText(Token) || !isText(Expiration)) {
    throw unusable("the instance profile's credentials document lacks a field");
  }
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token };
  return { ...credentials, expiration: new Date(Expiration) };
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw unusable("the instance profile's credentials document is not JSON");
  }
}

const unusable = (reason: string): Refusal => new Refusal({ kind: "upstream-unavailable", what: PATH, reason });
