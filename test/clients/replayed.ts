/** One request of a client that cannot be installed here: its bytes, with {token} and {role} where those go. */
export interface Step {
  readonly bytes: string;
  /** What the client wants to hear. Default: 200. */
  readonly status?: number;
  /** What the answer's body is. */
  readonly gives?: "token" | "role" | "document";
  /** On a connection of its own. */
  readonly opens?: true;
}

export interface Conversation {
  /** Of the client that was recorded; or that its source was read. */
  readonly version: string;
  readonly steps: readonly Step[];
}

const request = (line: string, ...fields: readonly string[]): string =>
  `${[`${line} HTTP/1.1`, ...fields].join("\r\n")}\r\n\r\n`;

const HOST = "Host: 169.254.169.254";
const PUT = "PUT /latest/api/token";
const LIST = "GET /latest/meta-data/iam/security-credentials/";

const VAULT_V1 = "User-Agent: aws-sdk-go/1.55.8 (go1.26.8; linux; amd64)";
const VAULT_V1_GET = [
  ...[HOST, VAULT_V1, "X-Aws-Ec2-Metadata-Token: {token}", "Accept-Encoding: gzip", "Connection: close"],
];
const PYTHON_V4 = [HOST, "Accept-Encoding: identity", "User-Agent: aws-sdk-python-imds-client/0.4.0", "Accept: */*"];
const PYTHON_V4_GET = [...PYTHON_V4, "x-aws-ec2-metadata-token: {token}"];
const DOTNET_GET = [HOST, "X-aws-ec2-metadata-token: {token}"];
const PHP = [HOST, "User-Agent: aws-sdk-php/3"];
const FLUENT_BIT = [HOST, "User-Agent: aws-fluent-bit-plugin"];

/** The order, the paths and the fields are the clients'; of those read in source, the fields that they set themselves. */
export const CONVERSATIONS: Readonly<Record<string, Conversation>> = {
  "vault-v1": {
    version: "0.3.0",
    steps: [
      {
        bytes: request(
          PUT,
          HOST,
          VAULT_V1,
          "Content-Length: 0",
          "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600",
          "Accept-Encoding: gzip",
          "Connection: close",
        ),
        gives: "token",
        opens: true,
      },
      { bytes: request(LIST, ...VAULT_V1_GET), gives: "role", opens: true },
      { bytes: request(`${LIST}{role}`, ...VAULT_V1_GET), gives: "document", opens: true },
    ],
  },
  "python-v4": {
    version: "0.4.0",
    steps: [
      {
        bytes: request(PUT, ...PYTHON_V4, "x-aws-ec2-metadata-token-ttl-seconds: 21600", "Content-Length: 0"),
        gives: "token",
        opens: true,
      },
      { bytes: request(LIST.slice(0, -1), ...PYTHON_V4_GET), gives: "role" },
      { bytes: request(`${LIST}{role}`, ...PYTHON_V4_GET), gives: "document" },
    ],
  },
  dotnet: {
    version: "from its source",
    steps: [
      {
        bytes: request(PUT, HOST, "X-aws-ec2-metadata-token-ttl-seconds: 21600", "Content-Length: 0"),
        gives: "token",
        opens: true,
      },
      { bytes: request("GET /latest/meta-data/iam/info", ...DOTNET_GET) },
      { bytes: request(LIST, ...DOTNET_GET), gives: "role" },
      { bytes: request(`${LIST}{role}`, ...DOTNET_GET), gives: "document" },
    ],
  },
  "php-sdk": {
    version: "from its source",
    steps: [
      {
        bytes: request(PUT, ...PHP, "x-aws-ec2-metadata-token-ttl-seconds: 21600", "Content-Length: 0"),
        gives: "token",
        opens: true,
      },
      { bytes: request(LIST, ...PHP, "x-aws-ec2-metadata-token: {token}"), gives: "role" },
      { bytes: request(`${LIST}{role}`, ...PHP, "x-aws-ec2-metadata-token: {token}"), gives: "document" },
    ],
  },
  "fluent-bit": {
    version: "from its source",
    steps: [
      { bytes: request("GET /", ...FLUENT_BIT, "X-aws-ec2-metadata-token: INVALID"), status: 401, opens: true },
      {
        bytes: request(PUT, ...FLUENT_BIT, "X-aws-ec2-metadata-token-ttl-seconds: 21600", "Content-Length: 0"),
        gives: "token",
        opens: true,
      },
      { bytes: request(LIST, ...FLUENT_BIT, "X-aws-ec2-metadata-token: {token}"), gives: "role", opens: true },
      {
        bytes: request(`${LIST}{role}`, ...FLUENT_BIT, "X-aws-ec2-metadata-token: {token}"),
        gives: "document",
        opens: true,
      },
    ],
  },
  envoy: {
    version: "from its source",
    steps: [
      {
        bytes: request(PUT, HOST, "Accept: */*", "X-aws-ec2-metadata-token-ttl-seconds: 21600"),
        gives: "token",
        opens: true,
      },
      {
        bytes: request(LIST.slice(0, -1), HOST, "Accept: */*", "X-aws-ec2-metadata-token: {token}"),
        gives: "role",
        opens: true,
      },
      {
        bytes: request(`${LIST}{role}`, HOST, "Accept: */*", "X-aws-ec2-metadata-token: {token}"),
        gives: "document",
        opens: true,
      },
    ],
  },
};
