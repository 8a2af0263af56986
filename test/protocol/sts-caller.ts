import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

export interface SessionKeys {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
}

/** Who STS takes the holder of the keys for: an ARN. Fails when it takes them for nobody. */
export async function callerIdentity(endpoint: string, keys: SessionKeys): Promise<string> {
  const credentials = {
    accessKeyId: keys.AccessKeyId,
    secretAccessKey: keys.SecretAccessKey,
    sessionToken: keys.Token,
  };
  const client = new STSClient({ region: "eu-west-1", endpoint, credentials, maxAttempts: 1 });
  try {
    return (await client.send(new GetCallerIdentityCommand({}))).Arn ?? "";
  } finally {
    client.destroy();
  }
}
