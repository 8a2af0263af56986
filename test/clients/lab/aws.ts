import { randomBytes } from "node:crypto";
import { type MockEc2, startMockEc2 } from "../../../src/mock-ec2/mock-ec2.ts";
import { SessionKeys } from "../../../src/mock-ec2/session-keys.ts";
import { run } from "../../e2e/support/programs.ts";
import { EC2, S3_PORT, STS_PORT } from "./addresses.ts";
import { startS3 } from "./s3.ts";
import { SignedCalls } from "./signed-calls.ts";
import { StsFront } from "./sts-front.ts";

/** All of AWS that a host needs, in this namespace: its metadata service, STS and S3. */
export interface Aws {
  readonly sts: StsFront;
  readonly calls: SignedCalls;
  /** Every address that ever asked the real metadata service for something. */
  readonly metadataPeers: ReadonlySet<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startAws(): Promise<Aws> {
  await using stack = new AsyncDisposableStack();
  await run(["sh", "-ec", ADDRESSES]);
  const seed = randomBytes(32).toString("hex");
  const metadataPeers = new Set<string>();
  const mock: MockEc2 = await startMockEc2({
    seed,
    metadataListen: { host: "::", port: 80 },
    onRequest: ({ service, peer }) => {
      if (service === "metadata") metadataPeers.add(peer);
    },
  });
  stack.defer(() => mock.close());
  const keys = new SessionKeys(seed);
  const calls = new SignedCalls(keys);
  const sts = await new StsFront({ host: "::", port: STS_PORT, behind: mock.stsUrl, keys, calls }).listen();
  stack.defer(() => sts.close());
  const s3 = await startS3({ host: "::", port: S3_PORT }, calls);
  stack.defer(() => {
    s3.close();
    s3.closeAllConnections();
  });
  const kept = stack.move();
  return { sts, calls, metadataPeers, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const ADDRESSES = `
ip link set lo up
ip addr add ${EC2.metadata4}/32 dev lo
ip addr add ${EC2.services}/32 dev lo
ip -6 addr add ${EC2.metadata6}/128 dev lo nodad
sysctl -qw net.ipv6.conf.default.accept_dad=0
sysctl -qw net.ipv6.conf.all.accept_dad=0
`;
