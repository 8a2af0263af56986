/**
 * Where AWS SDKs look for the instance metadata service.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
export const METADATA_IPV4 = "169.254.169.254";
export const METADATA_IPV6 = "fd00:ec2::254";
export const METADATA_PORT = 80;
