import type { IncomingMessage } from "node:http";
import type { SessionKeys } from "../../../src/mock-ec2/session-keys.ts";
import { lastSegment } from "../../../src/mock-ec2/world.ts";

/** A request for which somebody used keys. */
export interface SignedCall {
  readonly service: "sts" | "s3";
  readonly peer: string;
  readonly accessKeyId: string;
  /** Whose session the token is; undefined when the token belongs to other keys or is none of ours. */
  readonly role: string | undefined;
  /** As STS named the caller after checking the signature. */
  readonly arn?: string;
}

/** Who used which keys: what the services saw, not what a client says. */
export class SignedCalls {
  readonly #keys: SessionKeys;
  readonly #all: SignedCall[] = [];

  constructor(keys: SessionKeys) {
    this.#keys = keys;
  }

  get count(): number {
    return this.#all.length;
  }

  /** Those from `peer` since there were `count` of them. */
  since(count: number, peer: (address: string) => boolean): readonly SignedCall[] {
    return this.#all.slice(count).filter((call) => peer(call.peer));
  }

  /** The role of the session that these two belong to. */
  roleOf(accessKeyId: string, sessionToken: string): string | undefined {
    const session = this.#keys.sessionOf(accessKeyId, sessionToken);
    return session && lastSegment(session.roleArn);
  }

  add(service: SignedCall["service"], { url = "", headers, socket }: IncomingMessage, arn?: string): void {
    const query = new URL(url, "http://service").searchParams;
    const { authorization = "" } = headers;
    const [, accessKeyId = query.get("X-Amz-Credential")?.split("/")[0]] =
      /(?:Credential=|^AWS )([A-Z0-9]+)/.exec(authorization) ?? [];
    if (accessKeyId === undefined) return;
    const token = headers["x-amz-security-token"] ?? query.get("X-Amz-Security-Token") ?? "";
    this.#all.push({
      service,
      peer: socket.remoteAddress?.replace(/^::ffff:/, "") ?? "unknown",
      accessKeyId,
      role: this.roleOf(accessKeyId, String(token)),
      ...(arn !== undefined && { arn }),
    });
  }
}
