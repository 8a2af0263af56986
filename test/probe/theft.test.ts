import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { startMockEc2 } from "../../src/mock-ec2/mock-ec2.ts";
import { steal } from "../../src/probe/theft.ts";

describe("the thief", () => {
  it("is no straw man: left alone with the real service it gets away with the host's credentials", async () => {
    const mock = await startMockEc2();
    after(() => mock.close());
    const { hostname, port } = new URL(mock.metadataUrl);
    const { stolen } = await steal({ host: hostname, port: Number(port), hostRoleName: "mock-ec2-host" });
    assert.ok(
      stolen.includes("GET /latest/meta-data/iam/security-credentials/mock-ec2-host HTTP/1.0"),
      stolen.join("\n"),
    );
    assert.ok(stolen.some((request) => request.includes("identity-credentials")));
  });
});
