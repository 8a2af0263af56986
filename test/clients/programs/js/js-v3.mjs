import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { serve } from "./program.mjs";

await serve("@aws-sdk/client-sts", async () => {
  const sts = new STSClient({});
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  const { accessKeyId } = await sts.config.credentials();
  return { accessKeyId, arn: Arn };
});
