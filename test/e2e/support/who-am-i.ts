import { Readable } from "node:stream";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { ADDRESSES, STS_PORT, STS_URL } from "./instance.ts";
import type { CredentialsDocument, Dial } from "./metadata-client.ts";

/** What the AWS SDK hands to whatever carries its requests. */
interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Asks STS, from inside the container, whose credentials these are.
 *
 * @param clockOffsetMs how far STS's clock is ahead of this machine's
 * @returns the ARN
 */
export async function whoAmI(dial: Dial, document: CredentialsDocument, clockOffsetMs = 0): Promise<string> {
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken } = document;
  const client = new STSClient({
    region: "us-east-1",
    endpoint: STS_URL,
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    maxAttempts: 1,
    systemClockOffset: clockOffsetMs,
    requestHandler: { handle: (request: SignedRequest) => carry(dial, request) },
  });
  const { Arn } = await client.send(new GetCallerIdentityCommand({}));
  if (Arn === undefined) throw new Error("STS named no ARN");
  return Arn;
}

/** "arn:aws:sts::111122223333:assumed-role/alpha/session" is the role "alpha". */
export const roleOf = (arn: string): string => /:assumed-role\/([^/]+)\//.exec(arn)?.[1] ?? arn;

async function carry(dial: Dial, { method, path, headers, body = "" }: SignedRequest) {
  const connection = dial({ address: ADDRESSES.sts, port: STS_PORT });
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  connection.send(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  const answer = await connection.answer();
  connection.close();
  if (!answer) throw new Error(`STS did not answer the container: ${connection.outcome ?? "timeout"}`);
  const response = {
    statusCode: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: Readable.from([Buffer.from(answer.body, "latin1")]),
  };
  return { response };
}
