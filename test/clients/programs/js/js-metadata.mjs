import { MetadataService } from "@aws-sdk/ec2-metadata-service";
import { serve } from "./program.mjs";

await serve("@aws-sdk/ec2-metadata-service", async () => {
  const service = new MetadataService({});
  const info = JSON.parse(await service.request("/latest/meta-data/iam/info", {}));
  const identity = JSON.parse(await service.request("/latest/dynamic/instance-identity/document", {}));
  return { metadata: { instanceProfile: info.InstanceProfileArn, instanceId: identity.instanceId } };
});
