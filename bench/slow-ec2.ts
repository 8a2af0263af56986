/**
 * EC2's metadata service and an STS that takes its time, in a process of their own: `node slow-ec2.ts MILLISECONDS`. Says
 * where they listen as `taskrole mock-ec2` does.
 */
import { FaultyEc2 } from "../test/faults/support/faulty-ec2.ts";

const [latencyMs = ""] = process.argv.slice(2);
const { metadata, sts } = await new FaultyEc2().listen();
await sts.begin({ latencyMs: Number(latencyMs) });
process.stdout.write(`Instance metadata: ${metadata.url}\nSTS: ${sts.url}\n`);
