import AWS from "aws-sdk";
import { serve } from "./program.mjs";

await serve("aws-sdk", async () => {
  const credentials = await new AWS.CredentialProviderChain().resolvePromise();
  const endpoint = process.env.AWS_ENDPOINT_URL_STS;
  const sts = new AWS.STS({ credentials, endpoint, region: process.env.AWS_REGION });
  const { Arn } = await sts.getCallerIdentity().promise();
  return { accessKeyId: credentials.accessKeyId, arn: Arn };
});
