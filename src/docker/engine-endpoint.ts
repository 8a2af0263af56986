/** Where a Docker Engine listens. */
export type EngineEndpoint =
  | { readonly kind: "socket" /** As the operator wrote it. */; readonly text: string; readonly socketPath: string }
  | { readonly kind: "tcp"; readonly text: string; readonly host: string; readonly port: number };

/** Why a text names no Engine. `reason` completes the sentence "…, because …". */
export interface EndpointError {
  readonly kind: "bad-endpoint";
  readonly text: string;
  readonly reason: string;
}

/** Docker's port for plain HTTP: https://docs.docker.com/engine/daemon/remote-access/ */
const DEFAULT_PORT = 2375;
const HIGHEST_PORT = 65_535;
const TCP = /^(?:tcp|http):\/\/(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[\w.-]+))(?::(?<port>\d{1,5}))?\/?$/;

/** `unix:///PATH`, `tcp://HOST[:PORT]` or `http://HOST[:PORT]`. Total; never throws. */
export function parseEndpoint(text: string): EngineEndpoint | EndpointError {
  if (text.startsWith("unix://")) return parseSocket(text);
  if (text.startsWith("https://")) return bad(text, "TLS is not spoken; give the unix socket of this host's Docker");
  const { v6, name, port } = TCP.exec(text)?.groups ?? {};
  const host = v6 ?? name;
  if (host === undefined) return bad(text, "it must read unix:///PATH, tcp://HOST:PORT or http://HOST:PORT");
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (number < 1 || number > HIGHEST_PORT) return bad(text, `a port is a number from 1 to ${HIGHEST_PORT}`);
  return { kind: "tcp", text, host, port: number };
}

function parseSocket(text: string): EngineEndpoint | EndpointError {
  const socketPath = text.slice("unix://".length);
  if (socketPath.startsWith("/") && !socketPath.includes("\0")) return { kind: "socket", text, socketPath };
  return bad(text, "the path of a socket must be absolute: unix:///var/run/docker.sock has three slashes");
}

const bad = (text: string, reason: string): EndpointError => ({ kind: "bad-endpoint", text, reason });
