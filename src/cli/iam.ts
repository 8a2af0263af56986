import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_CONFIG_FILE } from "../app/config.ts";
import { parseRoleReference } from "../core/role-reference.ts";
import type { Asked } from "./run-iam.ts";

const AFTER_HELP = `
Nobody is asked and nothing is changed: the policies follow from the settings (file and environment), the roleRules, the default roles and the
roleMapFile. What they allow more widely than was probably meant is said on stderr. What containers say by their own labels no
configuration tells: --tags, --source-identity. Exit code: 0 printed, 2 the configuration or the command line is wrong.

  taskrole iam --host-role arn:aws:iam::111122223333:role/my-host
  taskrole iam --host-role arn:aws:iam::111122223333:role/my-host --format json | jq .permissionPolicy

Reference: docs/aws.md`;

/** `taskrole iam`: the host's permission policy, and the trust policies of the roles that a configuration can grant. */
export const iamCommand = (): Command =>
  new Command("iam")
    .option("--config <FILE>", `settings in YAML (default: ${DEFAULT_CONFIG_FILE}, which need not exist)`)
    .addOption(
      new Option("--host-role <ARN>", "the role in the host's instance profile (must be given)")
        .argParser(hostRole)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--account <ID>",
        "the account of roles written without one (default: the setting defaultAccountId, else the host role's)",
      ).argParser(accountId),
    )
    .option("--tags", "containers tag their sessions by label (taskrole.session-tags.KEY)")
    .option("--source-identity", "containers set a source identity by label (taskrole.source-identity)")
    .addOption(new Option("--format <FORMAT>", "for people, or for programs").choices(["text", "json"]).default("text"))
    .addHelpText("after", AFTER_HELP)
    .action(async ({ config, ...asked }: Asked & { readonly config?: string }) => {
      const { runIam } = await import("./run-iam.ts");
      runIam({ file: config, environment: process.env, flags: {} }, asked);
    });

function hostRole(text: string): string {
  if (parseRoleReference(text).kind === "arn") return text;
  throw new InvalidArgumentError("It must be the ARN of a role, like arn:aws:iam::111122223333:role/my-host.");
}

function accountId(text: string): string {
  if (/^\d{12}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be twelve digits.");
}
