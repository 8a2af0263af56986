import { createHash, timingSafeEqual } from "node:crypto";
import type { Broker } from "../broker/broker.ts";
import type { Credentials } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import type { Grant } from "../core/grant.ts";
import { utcSeconds } from "../core/utc-seconds.ts";
import type { Workload } from "../core/workload.ts";
import type { HttpRequest, HttpResponse } from "../http/http-message.ts";
import type { Asked } from "./handlers.ts";

/**
 * "open" serves whoever asks, as ECS does; "token" wants the workload's own authorization token; "off" has no such
 * endpoint.
 */
export type ContainerCredentials = "open" | "token" | "off";

/**
 * The container credentials endpoint, which SDKs ask before the metadata service when their environment names it.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
export async function containerCredentials(broker: Broker, { binding }: Asked): Promise<HttpResponse> {
  const until = broker.deadline();
  const grant = await broker.grantFor(binding.workload, until);
  return jsonResponse(200, containerDocument(grant, await broker.credentialsFor(binding, grant, until)));
}

/**
 * All that any client wants of it: s3fs counts its five keys, minio-js wants the Code, newer SDKs read the AccountId.
 * It says the true end of the session, which clients heed here, also those (Envoy) that don't on the metadata service.
 */
const containerDocument = ({ roleArn }: Grant, credentials: Credentials): object => ({
  RoleArn: roleArn,
  AccessKeyId: credentials.accessKeyId,
  SecretAccessKey: credentials.secretAccessKey,
  Token: credentials.sessionToken,
  Expiration: utcSeconds(credentials.expiresAt),
  AccountId: roleArn.split(":")[4],
  Code: "Success",
});

/** @throws Refusal unless the request carries the token that the workload's own environment names */
export function checkAuthorization({ headers }: HttpRequest, { name, authorizationDigest }: Workload): void {
  if (authorizationDigest === undefined) throw new Refusal({ kind: "authorization-not-set", workload: name });
  const values = headers.get("authorization") ?? [];
  if (values.length === 0) throw new Refusal({ kind: "authorization-missing" });
  const given = createHash("sha256").update(values.join(", ")).digest();
  if (!timingSafeEqual(given, Buffer.from(authorizationDigest, "hex"))) {
    throw new Refusal({ kind: "authorization-invalid" });
  }
}

/** An error in the shape that SDKs print: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
export const containerError = (status: number, headers: HttpResponse["headers"] = []): HttpResponse => {
  const { code, message } = ERRORS[status] ?? {
    code: "InternalServerError",
    message: "the credentials cannot be given",
  };
  const page = jsonResponse(status, { code, message });
  return { ...page, headers: [...page.headers, ...headers] };
};

const ERRORS: Readonly<Record<number, { code: string; message: string }>> = {
  400: { code: "BadRequest", message: "the request cannot be read" },
  401: { code: "Unauthorized", message: "the authorization token is missing or wrong" },
  403: { code: "AccessDenied", message: "no credentials for this client" },
  404: { code: "NotFound", message: "there are no credentials here" },
  405: { code: "MethodNotAllowed", message: "use GET" },
  503: { code: "ServiceUnavailable", message: "the credentials are not ready; ask again" },
};

const jsonResponse = (status: number, value: object): HttpResponse => ({
  status,
  headers: [["Content-Type", "application/json"]],
  body: JSON.stringify(value),
});
