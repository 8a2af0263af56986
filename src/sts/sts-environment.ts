/** What of the environment the way to STS depends on. All are the AWS SDKs' and tools' own names; nothing else is read. */
export interface StsEnvironment {
  /** Undefined: the region's own endpoint. */
  readonly endpoint: string | undefined;
  readonly useFipsEndpoint: boolean;
  readonly useDualstackEndpoint: boolean;
  /** A file of PEM certificates that are trusted instead of the usual ones, as by the AWS CLI. */
  readonly caBundle: string | undefined;
  /** As the runtime's own agent takes it; empty: no proxy. */
  readonly proxy: Readonly<Record<string, string>>;
}

type Variables = Readonly<Record<string, string | undefined>>;

const PROXY_VARIABLES = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"];

/**
 * Not read, since they are an operator's shell's rather than a daemon's: AWS_PROFILE and the files in ~/.aws,
 * AWS_ENDPOINT_URL (which stands for every service), AWS_REGION, AWS_MAX_ATTEMPTS, AWS_RETRY_MODE.
 * https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
 */
export const stsEnvironment = (variables: Variables): StsEnvironment => ({
  endpoint: variables["AWS_ENDPOINT_URL_STS"] || undefined,
  useFipsEndpoint: isTrue(variables["AWS_USE_FIPS_ENDPOINT"]),
  useDualstackEndpoint: isTrue(variables["AWS_USE_DUALSTACK_ENDPOINT"]),
  caBundle: variables["AWS_CA_BUNDLE"] || undefined,
  proxy: Object.fromEntries(
    PROXY_VARIABLES.flatMap((name) => {
      const value = variables[name];
      return value ? [[name, value]] : [];
    }),
  ),
});

const isTrue = (text: string | undefined): boolean => text?.toLowerCase() === "true";
