import { Client, IamAwsProvider } from "minio";
import { serve } from "./program.mjs";

await serve("minio", async () => {
  const { hostname, port } = new URL(process.env.AWS_ENDPOINT_URL_S3);
  const credentialsProvider = new IamAwsProvider({});
  const region = process.env.AWS_REGION;
  await new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    region,
    credentialsProvider,
  }).listBuckets();
  return {};
});
