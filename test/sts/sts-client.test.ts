import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StsClient } from "../../src/sts/sts-client.ts";
import { stsEnvironment } from "../../src/sts/sts-environment.ts";

const endpointOf = (region: string, variables: Record<string, string> = {}, endpoint?: string): string =>
  new StsClient({ region, endpoint, environment: stsEnvironment(variables), connectMs: 1 }).endpoint();

describe("the endpoint of STS", () => {
  const FIPS = { AWS_USE_FIPS_ENDPOINT: "true" };
  const DUAL = { AWS_USE_DUALSTACK_ENDPOINT: "TRUE" };

  /** https://docs.aws.amazon.com/general/latest/gr/sts.html */
  for (const [region, variables, endpoint] of [
    ["eu-west-1", {}, "https://sts.eu-west-1.amazonaws.com"],
    ["us-east-1", {}, "https://sts.us-east-1.amazonaws.com"],
    ["ap-southeast-7", {}, "https://sts.ap-southeast-7.amazonaws.com"],
    ["cn-north-1", {}, "https://sts.cn-north-1.amazonaws.com.cn"],
    ["us-gov-west-1", {}, "https://sts.us-gov-west-1.amazonaws.com"],
    ["us-iso-east-1", {}, "https://sts.us-iso-east-1.c2s.ic.gov"],
    ["us-isob-east-1", {}, "https://sts.us-isob-east-1.sc2s.sgov.gov"],
    ["eusc-de-east-1", {}, "https://sts.eusc-de-east-1.amazonaws.eu"],
    ["us-east-1", FIPS, "https://sts-fips.us-east-1.amazonaws.com"],
    ["us-gov-west-1", FIPS, "https://sts.us-gov-west-1.amazonaws.com"],
    ["eu-west-1", DUAL, "https://sts.eu-west-1.api.aws"],
    ["cn-north-1", DUAL, "https://sts.cn-north-1.api.amazonwebservices.com.cn"],
    ["us-east-1", { ...FIPS, ...DUAL }, "https://sts-fips.us-east-1.api.aws"],
    [
      "eu-west-1",
      { AWS_USE_FIPS_ENDPOINT: "false", AWS_STS_REGIONAL_ENDPOINTS: "legacy" },
      "https://sts.eu-west-1.amazonaws.com",
    ],
    ["eu-west-1", { AWS_ENDPOINT_URL: "https://elsewhere.test" }, "https://sts.eu-west-1.amazonaws.com"],
    ["eu-west-1", { AWS_ENDPOINT_URL_STS: "https://vpce-1.sts.test", ...FIPS }, "https://vpce-1.sts.test"],
  ] as const) {
    it(`of ${region} with ${JSON.stringify(variables)} is ${endpoint}`, () =>
      assert.equal(endpointOf(region, variables), endpoint));
  }

  it("is the one of the settings before that of the environment", () =>
    assert.equal(
      endpointOf("eu-west-1", { AWS_ENDPOINT_URL_STS: "https://a.test" }, "https://b.test"),
      "https://b.test",
    ));
});

describe("what is read of the environment", () => {
  it("is these variables, and an empty one is none", () => {
    const read = stsEnvironment({
      AWS_ENDPOINT_URL_STS: "",
      AWS_CA_BUNDLE: "",
      HTTPS_PROXY: "http://proxy.test",
      no_proxy: "10.0.0.1",
      https_proxy: "",
      HTTP_PROXY: "http://other.test",
      ALL_PROXY: "http://other.test",
    });
    assert.deepEqual(read, {
      endpoint: undefined,
      useFipsEndpoint: false,
      useDualstackEndpoint: false,
      caBundle: undefined,
      proxy: { HTTPS_PROXY: "http://proxy.test", no_proxy: "10.0.0.1" },
    });
  });
});
