import { join, resolve } from "node:path";
import type { Client, Deviation } from "./client.ts";
import { S3_HOST, S3_URL, STS_URL } from "./lab/addresses.ts";
import { CONVERSATIONS } from "./replayed.ts";

/** Where setup.sh puts what it installs. */
export const CACHE = process.env["CLIENTS_CACHE"] ?? "/var/cache/taskrole-clients";

const here = (path: string): string => resolve(import.meta.dirname, path);
const inVenv = (name: string, program: string): string => join(CACHE, "python", name, "bin", program);

/** A program of ours around a Python library. */
const python = (venv: string, file: string): Pick<Client, "language" | "program" | "version"> => {
  const argv = [venv === "debian" ? "/usr/bin/python3" : inVenv(venv, "python"), here(`programs/python/${file}`)];
  return { language: "Python", program: argv, version: [...argv, "--version"] };
};

const js = (name: string): Pick<Client, "language" | "program" | "version"> => {
  const argv = [process.execPath, join(CACHE, "js", `${name}.mjs`)];
  return { language: "JavaScript", program: argv, version: [...argv, "--version"] };
};

/** What build-programs.sh makes. */
const built = (name: string): Pick<Client, "name" | "program" | "version"> => {
  const argv = [join(CACHE, "programs", name)];
  return { name, program: argv, version: [...argv, "--version"] };
};

const noCredentials = (because: string): Deviation => ({ outcome: "no credentials", because });
const leftOut = (because: string): Deviation => ({ outcome: "left out", because });

const asksOnlyV1 = {
  tokens: "optional",
  deviations: { "v2 required": noCredentials("It knows only version 1 of the metadata service.") },
} as const;

const readsNoKeys = { rotated: leftOut("It reads metadata, never credentials.") } as const;

const READS_ANOTHER_KEY = noCredentials(
  "Its release reads `AccessKeyID` where the document says `AccessKeyId`, so it has no key on any EC2 host.",
);
const minioJs: Client["deviations"] = {
  "v2 required": READS_ANOTHER_KEY,
  "v2 optional": READS_ANOTHER_KEY,
  "first request cold": READS_ANOTHER_KEY,
  rotated: leftOut("It has no credentials that could be rotated."),
  restarted: leftOut("It has no credentials before or after."),
};

const PYTHON: readonly Client[] = [
  {
    ...{ name: "boto3", is: "AWS SDK for Python", judge: "sts", containerEndpoint: "full", ipv6: true },
    ...python("boto3", "ask_boto3.py"),
  },
  {
    ...{
      name: "boto3 of Debian 12",
      is: "AWS SDK for Python",
      judge: "sts",
      containerEndpoint: "relative",
      ipv6: true,
    },
    ...python("debian", "ask_boto3.py"),
  },
  {
    ...{ name: "boto3 of December 2019", is: "AWS SDK for Python", judge: "sts", containerEndpoint: "relative" },
    ...python("boto3-dec2019", "ask_boto3.py"),
  },
  {
    ...{ name: "boto3 of January 2019", is: "AWS SDK for Python", judge: "sts", containerEndpoint: "relative" },
    ...python("boto3-jan2019", "ask_boto3.py"),
    ...asksOnlyV1,
  },
  {
    name: "boto2",
    is: "AWS SDK for Python until 2018",
    judge: "s3",
    ...python("boto2", "ask_boto2.py"),
    ...asksOnlyV1,
  },
  {
    ...{ name: "aiobotocore", is: "botocore on asyncio", judge: "sts", containerEndpoint: "full", ipv6: true },
    ...python("aiobotocore", "ask_aiobotocore.py"),
  },
  {
    ...{ name: "awscrt", is: "AWS CRT, from Python", judge: "key", containerEndpoint: "full" },
    ...python("awscrt", "ask_awscrt.py"),
    note: "Where it finds no credentials its own process aborts (a failed assertion in 0.38.1), with any service.",
  },
  {
    ...{ name: "pyarrow", is: "AWS SDK for C++, in Arrow", judge: "s3", containerEndpoint: "full", ipv6: true },
    ...python("pyarrow", "ask_pyarrow.py"),
    language: "C++",
  },
  {
    ...{ name: "obstore", is: "Rust's object_store", judge: "s3", containerEndpoint: "relative" },
    ...python("obstore", "ask_obstore.py"),
    language: "Rust",
  },
  {
    ...{ name: "opendal", is: "Apache OpenDAL", judge: "s3", containerEndpoint: "full" },
    ...python("opendal", "ask_opendal.py"),
    firstSessionMs: 24_000,
    language: "Rust",
  },
  {
    ...{ name: "minio-py", is: "MinIO's client", judge: "s3", containerEndpoint: "relative" },
    ...python("minio-py", "ask_minio.py"),
  },
  {
    ...{ name: "ec2-metadata", is: "ec2-metadata of PyPI", judge: "metadata", deviations: readsNoKeys },
    ...python("ec2-metadata", "ask_ec2_metadata.py"),
  },
  {
    ...{ name: "cloud-init", is: "its crawl of all metadata", judge: "metadata", deviations: readsNoKeys },
    ...python("debian", "crawl_cloud_init.py"),
  },
];

const JAVASCRIPT: readonly Client[] = [
  {
    ...{ name: "js-v3", is: "AWS SDK for JavaScript v3", judge: "sts", containerEndpoint: "full", ipv6: true },
    ...js("js-v3"),
  },
  {
    ...{ name: "js-v2", is: "AWS SDK for JavaScript v2", judge: "sts", containerEndpoint: "full", ipv6: true },
    ...js("js-v2"),
    // It asks again and again for keys that end within 15 s.
    firstSessionMs: 24_000,
  },
  { name: "js-crt", is: "AWS CRT, from JavaScript", judge: "sts", containerEndpoint: "full", ...js("js-crt") },
  {
    ...{ name: "js-metadata", is: "AWS's MetadataService", judge: "metadata", deviations: readsNoKeys },
    ...js("js-metadata"),
  },
  { name: "minio-js", is: "MinIO's client", judge: "s3", ...js("minio-js"), deviations: minioJs },
];

const GO: readonly Client[] = [
  { ...built("go-v2"), is: "AWS SDK for Go v2", judge: "sts", containerEndpoint: "full", ipv6: true },
  { ...built("go-v1"), is: "AWS SDK for Go v1", judge: "sts", containerEndpoint: "full", ipv6: true },
  { ...built("minio-go"), is: "MinIO's client", judge: "s3" },
  { ...built("tf-base"), is: "Terraform's credentials", judge: "sts" },
  { ...built("vault-v2"), is: "Vault's credentials", judge: "sts" },
  { ...built("go-discover"), is: "Consul's cloud auto-join", judge: "key" },
].map((client) => ({ language: "Go", ...client }) as Client);

const JVM: readonly Client[] = [
  { ...built("java-v2"), is: "AWS SDK for Java v2", judge: "sts", containerEndpoint: "full", ipv6: true },
  { ...built("java-v1"), is: "AWS SDK for Java v1", judge: "sts", containerEndpoint: "full" },
  { ...built("java-v2-imds"), is: "its metadata client", judge: "metadata", ipv6: true, deviations: readsNoKeys },
  { ...built("minio-java"), is: "MinIO's client", judge: "s3" },
  { ...built("kotlin"), is: "AWS SDK for Kotlin", judge: "sts", containerEndpoint: "full", ipv6: true },
].map((client) => ({ language: client.name === "kotlin" ? "Kotlin" : "Java", ...client }) as Client);

const OTHERS: readonly Client[] = [
  {
    ...built("rust-sdk"),
    language: "Rust",
    is: "AWS SDK for Rust",
    judge: "sts",
    containerEndpoint: "full",
    ipv6: true,
  },
  { ...built("rust-s3"), language: "Rust", is: "rust-s3's aws-creds", judge: "key" },
  // Asks without a pause for keys that end within 20 s.
  {
    ...built("rusoto"),
    language: "Rust",
    is: "the AWS SDK before AWS's",
    judge: "sts",
    firstSessionMs: 30_000,
    ...asksOnlyV1,
  },
  {
    ...built("ruby"),
    language: "Ruby",
    is: "AWS SDK for Ruby",
    judge: "sts",
    containerEndpoint: "relative",
    ipv6: true,
  },
  { ...built("fog-aws"), language: "Ruby", is: "fog", judge: "s3" },
  { ...built("php-async-aws"), language: "PHP", is: "AsyncAws", judge: "sts", ...asksOnlyV1 },
  { ...built("perl-vm-ec2"), language: "Perl", is: "VM::EC2", judge: "key", ...asksOnlyV1 },
];

const CURL = `
at=http://169.254.169.254/latest
token=$(curl -sf -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" $at/api/token) || exit 1
ask() { curl -sf -H "X-aws-ec2-metadata-token: $token" "$at/meta-data/iam/security-credentials/$1"; }
role=$(ask "") && document=$(ask "$role") || exit 1
echo "$document" | sed -n 's/.*"AccessKeyId" *: *"\\([^"]*\\)".*/{"accessKeyId":"\\1"}/p'`;

const AWS_CLI = ["--endpoint-url", STS_URL, "sts", "get-caller-identity", "--output", "json"];

const TOOLS: readonly Client[] = [
  {
    ...{
      name: "awscli-v2",
      is: "AWS CLI v2",
      language: "command",
      judge: "sts",
      containerEndpoint: "relative",
      ipv6: true,
    },
    ...{ command: ["/usr/bin/aws", ...AWS_CLI], version: ["/usr/bin/aws", "--version"] },
  },
  {
    ...{
      name: "awscli-v1",
      is: "AWS CLI v1",
      language: "command",
      judge: "sts",
      containerEndpoint: "full",
      ipv6: true,
    },
    ...{ command: [inVenv("awscli-v1", "aws"), ...AWS_CLI], version: [inVenv("awscli-v1", "aws"), "--version"] },
  },
  {
    ...{ name: "s3fs", is: "S3 as a file system", language: "command", judge: "s3", containerEndpoint: "relative" },
    ...{ command: ["bash", here("programs/s3fs.sh")], version: ["s3fs", "--version"] },
    note: "Run with `-o retries=2`: by default it asks five times within 90 s, and is answered each time.",
    tokens: "optional",
    deviations: {
      "v2 required": noCredentials("Version 1.90 asks for the name of the role before it asks for a token."),
    },
  },
  {
    ...{ name: "rclone", is: "rclone", language: "command", judge: "s3", containerEndpoint: "relative" },
    command: [
      "rclone",
      "--retries",
      "1",
      "--low-level-retries",
      "3",
      "lsd",
      `:s3,provider=Other,env_auth=true,region=us-east-1,endpoint="${S3_URL}":`,
    ],
    version: ["rclone", "version"],
    note: "Run with `--retries 1 --low-level-retries 3`: by default it asks again for minutes, and is answered each time.",
  },
  {
    ...{ name: "restic", is: "restic", language: "command", judge: "s3" },
    command: ["restic", "--no-cache", "-r", `s3:${S3_URL}/bucket`, "snapshots"],
    ...{ version: ["restic", "version"], env: { RESTIC_PASSWORD: "restic" } },
  },
  {
    ...{ name: "s3cmd", is: "s3cmd", language: "command", judge: "s3" },
    command: ["s3cmd", "--no-ssl", `--host=${S3_HOST}`, `--host-bucket=${S3_HOST}`, "ls"],
    version: ["s3cmd", "--version"],
  },
  {
    ...{ name: "gdal", is: "GDAL's /vsis3/", language: "C++", judge: "s3", containerEndpoint: "full" },
    command: [inVenv("gdal", "python"), here("programs/python/read_gdal.py")],
    version: [inVenv("gdal", "python"), here("programs/python/read_gdal.py"), "--version"],
    env: { AWS_S3_ENDPOINT: S3_HOST, AWS_HTTPS: "NO", AWS_VIRTUAL_HOSTING: "FALSE", CPL_AWS_AUTODETECT_EC2: "NO" },
  },
  {
    ...{
      name: "ec2metadata",
      is: "cloud-guest-utils",
      language: "command",
      judge: "metadata",
      deviations: readsNoKeys,
    },
    command: ["ec2metadata", "--instance-id"],
    version: ["dpkg-query", "-W", "cloud-guest-utils"],
  },
  {
    ...{ name: "curl", is: "AWS's documented example", language: "command", judge: "key" },
    ...{ command: ["sh", "-c", CURL], version: ["curl", "--version"] },
  },
];

const IS_REPLAYED: Readonly<Record<string, string>> = {
  "vault-v1": "Vault's older credentials",
  "python-v4": "AWS SDK for Python v4, which needs Python 3.12",
  dotnet: "AWS SDK for .NET",
  "php-sdk": "AWS SDK for PHP",
  "fluent-bit": "fluent-bit",
  envoy: "Envoy",
};

/** Those that cannot be installed here, replayed byte by byte. */
const REPLAYED: readonly Client[] = Object.keys(CONVERSATIONS).map((name) => {
  const program = [process.execPath, here("replay.ts"), name];
  return {
    ...{ name, is: IS_REPLAYED[name] ?? name, language: "replayed", judge: "key" },
    ...{ program, version: [...program, "--version"] },
  };
});

/** Every client of the matrix, in the order of its page. */
export const CLIENTS: readonly Client[] = [
  ...[...TOOLS, ...PYTHON, ...JAVASCRIPT, ...GO, ...JVM, ...OTHERS, ...REPLAYED],
];
