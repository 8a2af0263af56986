/** What AWS says of whoever runs this, or why it says nothing. */
export type Identity = { readonly arn: string } | { readonly none: string };

/**
 * The program in every workload: the AWS SDK as it comes, with nothing set but
 * where the metadata service and STS are on this machine. No keys, no profile, no role.
 */
export async function whoAmI(): Promise<Identity> {
  const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
  try {
    const { Arn } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
    return { arn: String(Arn) };
  } catch (error) {
    return { none: error instanceof Error ? error.message : String(error) };
  }
}
