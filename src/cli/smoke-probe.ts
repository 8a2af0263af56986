import { Command } from "commander";

interface ProbeFlags {
  readonly hostRole: string;
  readonly watch?: true;
}

/** What runs in each container of a smoke test. Prints one JSON object: what it saw of its metadata service. */
export const smokeProbeCommand = (): Command =>
  new Command("smoke-probe")
    .option("--host-role <NAME>", "what a thief would ask for", "")
    .option("--watch", "ask again and again until SIGTERM, and print how often each answer came")
    .action(async (flags: ProbeFlags) => {
      process.stdout.write(`${JSON.stringify(await probe(flags))}\n`);
    });

async function probe({ watch: isWatching, hostRole }: ProbeFlags): Promise<object> {
  const { METADATA_SERVICE, METADATA_SERVICE_6 } = await import("../probe/exchange.ts");
  if (!isWatching) {
    const { look } = await import("../probe/sight.ts");
    return { ...(await look(METADATA_SERVICE, hostRole)), over6: await look(METADATA_SERVICE_6, hostRole) };
  }
  const { watch } = await import("../probe/watch.ts");
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  return watch(METADATA_SERVICE, stop.signal);
}
