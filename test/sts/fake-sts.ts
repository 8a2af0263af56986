import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";

export interface Call {
  /** How often this path was asked before. */
  readonly before: number;
  /** How many calls its connection carried before. */
  readonly onConnectionBefore: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export type Behaviour = (call: Call) => void;

export interface FakeSts extends AsyncDisposable {
  readonly port: number;
  /** Calls by path, without its slashes. */
  readonly calls: ReadonlyMap<string, number>;
  connections(): number;
}

/** An STS that does as the test says; the path of the endpoint picks the behaviour. */
export async function fakeSts(behaviours: Readonly<Record<string, Behaviour>>, tls?: ServerOptions): Promise<FakeSts> {
  const calls = new Map<string, number>();
  const carried = new WeakMap<Socket, number>();
  let connections = 0;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const row = request.url?.replaceAll("/", "") ?? "";
    const before = calls.get(row) ?? 0;
    const onConnectionBefore = carried.get(request.socket) ?? 0;
    calls.set(row, before + 1);
    carried.set(request.socket, onConnectionBefore + 1);
    request.resume().on("end", () => behaviours[row]?.({ before, onConnectionBefore, request, response }));
  };
  const server: Server = tls ? createTlsServer(tls, answer) : createServer(answer);
  server.keepAliveTimeout = 60_000;
  server.on(tls ? "secureConnection" : "connection", () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface SessionAnswer {
  readonly id: string;
  readonly arn?: string;
  /** Default: in an hour. */
  readonly expiration?: string;
}

export const session = ({ id, arn, expiration }: SessionAnswer): string =>
  `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
  <AssumedRoleUser><AssumedRoleId>AROA:web</AssumedRoleId><Arn>${
    arn ?? "arn:aws:sts::111122223333:assumed-role/reader/web"
  }</Arn></AssumedRoleUser>
  <Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
  <Expiration>${expiration ?? new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials>
  </AssumeRoleResult></AssumeRoleResponse>`;

export const errorDocument = (code: string, message = "because"): string =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`;

export const callerIdentity = (arn: string): string =>
  `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${arn}</Arn><UserId>AROA:i-1</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
