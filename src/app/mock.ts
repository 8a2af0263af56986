import type { Log } from "../audit/log.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";

export interface Mocked {
  /** Has a configuration point at the mock when there is one. */
  readonly redirect: (config: Config) => Config;
  /** [] without `mock: true`. */
  readonly services: readonly Service[];
}

/** Puts the built-in EC2 in place of the real one when the operator asks for it. It listens on loopback only. */
export async function withMock(config: Config, log: Log): Promise<Mocked> {
  if (!config.mock) return { redirect: (given) => given, services: [] };
  const { startMockEc2 } = await import("../mock-ec2/mock-ec2.ts");
  const { instanceFrom, openWorld } = await import("../mock-ec2/world.ts");
  const mock = await startMockEc2({ world: { ...openWorld(), instance: instanceFrom({ id: config.mockInstanceId }) } });
  const { metadataUrl, stsUrl, hostRoleArn } = mock;
  log.warn(
    { metadataUrl, stsUrl, hostRoleArn },
    "mock: metadata and STS are made up; their credentials open nothing in AWS",
  );
  const service = { name: "mock EC2", start: () => Promise.resolve(), stop: () => mock.close() };
  return { redirect: (given) => ({ ...given, metadataUrl, stsEndpoint: stsUrl }), services: [service] };
}
