import { run } from "../../support/program.ts";
import { DEFAULT_ROLE, HOST_ROLE, outputOf, policiesModule, python, TEMPLATE, terraform } from "./tools.ts";

export const ACCOUNT = "111122223333";

/** What is the same however it is deployed. */
export interface Wanted {
  /** "": none. */
  readonly externalId: string;
  readonly releaseUrl: string;
  readonly releaseSha256: string;
}

export const WANTED: Wanted = {
  externalId: "",
  releaseUrl: "https://downloads.example/taskrole?a=b&c=d",
  releaseSha256: "0".repeat(64),
};

/** What AWS is told, in its own words. */
export interface Deployment {
  /** An ARN, as the next. */
  readonly hostRole: string;
  readonly permissionPolicy: unknown;
  readonly roles: readonly { readonly arn: string; readonly trust: unknown }[];
}

export interface Bootable extends Deployment {
  readonly defaultRole: string;
  readonly userData: string;
}

export interface Stack {
  readonly status: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly roles: readonly { readonly arn: string; readonly trust: unknown; readonly policies: readonly unknown[] }[];
  /** The roles of each, by its ARN. */
  readonly instanceProfiles: Readonly<Record<string, readonly string[]>>;
  readonly launchTemplate: {
    readonly MetadataOptions: Readonly<Record<string, unknown>>;
    readonly IamInstanceProfile: { readonly Arn: string };
    readonly UserData: string;
  };
}

/** The stack that the template makes. */
export async function stackOf({ externalId, releaseUrl, releaseSha256 }: Wanted): Promise<Stack> {
  const parameters = {
    DefaultRoleName: "default",
    ContainerRoleName: "web",
    ExternalId: externalId,
    ReleaseUrl: releaseUrl,
    ReleaseSha256: releaseSha256,
  };
  const env = {
    MOTO_ACCOUNT_ID: ACCOUNT,
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "testing",
    AWS_SECRET_ACCESS_KEY: "testing",
  };
  const given = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return JSON.parse(await outputOf(python("python", ["test/deploy/create_stack.py", TEMPLATE, ...given], env)));
}

export async function byCloudFormation(wanted: Wanted): Promise<Bootable> {
  const { outputs, roles, launchTemplate } = await stackOf(wanted);
  const { HostRoleArn: hostRole = "", DefaultRoleArn: defaultRole = "" } = outputs;
  const [permissionPolicy] = roles.find(({ arn }) => arn === hostRole)?.policies ?? [];
  const containers = roles.filter(({ arn }) => arn !== hostRole).map(({ arn, trust }) => ({ arn, trust }));
  return { hostRole, permissionPolicy, roles: containers, defaultRole, userData: launchTemplate.UserData };
}

/** What Terraform makes of the module's variables, before AWS is asked for anything. */
export async function byTerraform({ externalId, releaseUrl, releaseSha256 }: Wanted): Promise<Bootable> {
  using module = policiesModule();
  const variables = {
    external_id: externalId,
    release_url: releaseUrl,
    release_sha256: releaseSha256,
    image_id: "ami-0123456789abcdef0",
  };
  await outputOf(terraform(module.folder, ["init", "-input=false", "-no-color"]));
  await outputOf(
    terraform(module.folder, ["apply", "-auto-approve", "-input=false", "-no-color", ...variableFlags(variables)]),
  );
  const said = JSON.parse(await outputOf(terraform(module.folder, ["output", "-json"])));
  const outputs: Readonly<Record<string, string>> = said.policies.value;
  const policy = (name: string): unknown => JSON.parse(outputs[name] ?? "");
  const [hostRole, defaultRole] = [HOST_ROLE, DEFAULT_ROLE];
  return {
    hostRole,
    permissionPolicy: policy("permission_policy"),
    roles: [
      { arn: defaultRole, trust: policy("default_trust_policy") },
      { arn: `arn:aws:iam::${ACCOUNT}:role/containers/web`, trust: policy("container_trust_policy") },
    ],
    defaultRole,
    userData: outputs["user_data"] ?? "",
  };
}

export const variableFlags = (variables: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(variables).map(([name, value]) => `-var=${name}=${value}`);

/** What `taskrole iam` says of a configuration, each trust policy put to the roles that the test has of it. */
export async function byCommand(
  config: string,
  flags: readonly string[],
  roles: readonly string[],
): Promise<Deployment> {
  const hostRole = HOST_ROLE;
  const args = ["iam", "--config", config, "--host-role", hostRole, "--format", "json", ...flags];
  const said: {
    readonly permissionPolicy: unknown;
    readonly trustPolicies: readonly { readonly roles: readonly string[]; readonly policy: unknown }[];
  } = JSON.parse(await outputOf(run(args)));
  const trustOf = (arn: string) => said.trustPolicies.find(({ roles: named }) => named.includes(arn))?.policy;
  return {
    hostRole,
    permissionPolicy: said.permissionPolicy,
    roles: roles.map((arn) => ({ arn, trust: trustOf(arn) })),
  };
}
