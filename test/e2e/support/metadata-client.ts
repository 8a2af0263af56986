import assert from "node:assert/strict";
import type { Connection, Destination, Outcome } from "./ask.ts";
import { type HttpAnswer, type RequestText, requestText } from "./http-text.ts";
import { ADDRESSES } from "./instance.ts";

/** Opens a TCP connection from inside the container. */
export type Dial = (to: Destination) => Connection;

/** What came of a request: an answer, or, as its status, how the connection ended without one. */
export type Reply = Omit<HttpAnswer, "status"> & { readonly status: number | Outcome };

/** The credentials document, as SDKs read it. */
export interface CredentialsDocument {
  readonly Code: string;
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
  readonly Expiration: string;
}

export interface RoleCredentials {
  readonly roleName: string;
  readonly document: CredentialsDocument;
}

export const CREDENTIALS_PATH = "/latest/meta-data/iam/security-credentials/";
export const TOKEN_PATH = "/latest/api/token";

/** Asks as an SDK does, one connection a request. */
export class MetadataClient {
  readonly #dial: Dial;
  readonly #address: string;

  constructor(dial: Dial, address: string = ADDRESSES.metadata4) {
    this.#dial = dial;
    this.#address = address;
  }

  /** The same container, asking over IPv6. */
  get over6(): MetadataClient {
    return new MetadataClient(this.#dial, ADDRESSES.metadata6);
  }

  connect(port = 80): Connection {
    return this.#dial({ address: this.#address, port });
  }

  /** Sends these bytes as they are, on a connection of their own. */
  async raw(bytes: string, timeoutMs = 5_000): Promise<Reply> {
    const connection = this.connect();
    connection.send(bytes);
    const answer = await connection.answer(timeoutMs);
    connection.close();
    return answer ?? { status: connection.outcome ?? "timeout", headers: new Map(), body: "" };
  }

  ask(request: RequestText, timeoutMs?: number): Promise<Reply> {
    const host = this.#address.includes(":") ? `[${this.#address}]` : this.#address;
    return this.raw(requestText({ ...request, headers: { Host: host, ...request.headers } }), timeoutMs);
  }

  askToken(timeoutMs?: number): Promise<Reply> {
    const headers = { "X-aws-ec2-metadata-token-ttl-seconds": "21600" };
    return this.ask({ method: "PUT", path: TOKEN_PATH, headers }, timeoutMs);
  }

  async token(timeoutMs?: number): Promise<string> {
    const reply = await this.askToken(timeoutMs);
    assert.equal(reply.status, 200, "a token is handed out");
    return reply.body;
  }

  get(path: string, token?: string, timeoutMs?: number): Promise<Reply> {
    return this.ask({ path, headers: token === undefined ? {} : { "X-aws-ec2-metadata-token": token } }, timeoutMs);
  }

  /**
   * The whole sequence.
   *
   * @param timeoutMs for each of its three requests
   * @throws at the first answer an SDK would give up on
   */
  async credentials(timeoutMs?: number): Promise<RoleCredentials> {
    const token = await this.token(timeoutMs);
    const role = await this.get(CREDENTIALS_PATH, token, timeoutMs);
    assert.equal(role.status, 200, "the role is listed");
    const credentials = await this.get(CREDENTIALS_PATH + role.body, token, timeoutMs);
    assert.equal(credentials.status, 200, "credentials are handed out");
    return { roleName: role.body, document: documentIn(credentials.body) };
  }
}

export function documentIn(body: string): CredentialsDocument {
  const document = JSON.parse(body) as CredentialsDocument;
  assert.equal(document.Code, "Success");
  return document;
}
