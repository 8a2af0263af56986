import { Command } from "commander";

/** What runs in each of the demo's workloads. Prints one JSON object: who AWS says it is, or what it could steal. */
export const demoWorkloadCommand = (): Command =>
  new Command("demo-workload")
    .option("--steal <ROLE>", "be the thief: try to get the credentials of the host's role")
    .action(async ({ steal: hostRoleName }: { readonly steal?: string }) => {
      process.stdout.write(`${JSON.stringify(await run(hostRoleName))}\n`);
    });

async function run(hostRoleName: string | undefined): Promise<object> {
  if (hostRoleName === undefined) return (await import("../demo/who-am-i.ts")).whoAmI();
  const { steal } = await import("../probe/theft.ts");
  return steal({ host: "169.254.169.254", port: 80, hostRoleName });
}
