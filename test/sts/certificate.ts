import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate extends Disposable {
  /** PEM. */
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly certFile: string;
}

/** Signed by itself, for these names and 127.0.0.1; for a day. */
export function selfSigned(...names: readonly string[]): Certificate {
  const directory = mkdtempSync(join(tmpdir(), "taskrole-tls-"));
  const [keyFile, certFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const subjects = [...names.map((name) => `DNS:${name}`), "IP:127.0.0.1"].join(",");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  const subject = ["-days", "1", "-subj", "/CN=taskrole test", "-addext", `subjectAltName=${subjects}`];
  execFileSync("openssl", ["req", "-x509", ...key, ...subject, "-out", certFile], { stdio: "pipe" });
  return {
    key: readFileSync(keyFile),
    cert: readFileSync(certFile),
    certFile,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
