import { readFileSync } from "node:fs";
import { type Host, startHost } from "../support/host.ts";
import { EXECUTABLE } from "../support/program.ts";
import { RawClient, type RawResponse } from "./raw-client.ts";

const ROLES = "/latest/meta-data/iam/security-credentials/";

/** The daemon on its host, and its process. */
export interface Daemon extends AsyncDisposable {
  readonly host: Host;
  readonly port: number;
  readonly pid: number;
}

/** Its containers: the one at {@link QUIET_ADDRESS}, and a crowd that begins at 127.50.1.2. */
export async function startDaemon(options: { readonly crowd: number; readonly descriptors?: number }): Promise<Daemon> {
  const labels = { "taskrole.role": "web" };
  const crowd = Array.from(
    { length: options.crowd },
    (_, index) => [`c${index}`, { address: crowdAddress(index), labels }] as const,
  );
  const limit = options.descriptors === undefined ? "" : `ulimit -n ${options.descriptors} && `;
  const host = await startHost({
    containers: { quiet: { address: QUIET_ADDRESS, labels }, ...Object.fromEntries(crowd) },
    flags: { "metadata-tokens": "optional" },
    program: ["sh", "-c", `${limit}echo "process $$" && exec "$0" "$@"`, ...EXECUTABLE],
  });
  const [, pid] = await host.taskrole.says(/^process (\d+)$/m);
  return { host, port: host.port, pid: Number(pid), [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() };
}

export const QUIET_ADDRESS = "127.50.0.2";
export const crowdAddress = (index: number): string => `127.50.1.${2 + index}`;

/** In bytes. */
export function residentMemory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) * 1024;
}

/** Of user and system, in ticks of 10 ms. */
export function cpuTicks(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ").slice(11, 13) ?? [];
  return Number(user) + Number(system);
}

export function listRoles(client: RawClient): Promise<RawResponse> {
  return client.send(`GET ${ROLES} HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n`).response();
}

/** What an SDK does for credentials: token, role, document, on a connection of its own. */
export async function sdkSequence(port: number, from: string): Promise<void> {
  const client = new RawClient(port, from);
  const ask = async (line: string, field: string): Promise<string> => {
    const { status, body } = await client
      .send(`${line} HTTP/1.1\r\nHost: 169.254.169.254\r\n${field}\r\n\r\n`)
      .response();
    if (status !== 200) throw new Error(`${status} to ${line}`);
    return body;
  };
  const token = await ask("PUT /latest/api/token", "x-aws-ec2-metadata-token-ttl-seconds: 21600");
  const field = `x-aws-ec2-metadata-token: ${token}`;
  const role = await ask(`GET ${ROLES}`, field);
  if (!(await ask(`GET ${ROLES}${role}`, field)).includes('"Code" : "Success"')) throw new Error("no credentials");
  client.close();
}
