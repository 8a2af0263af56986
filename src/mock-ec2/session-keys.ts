import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import type { Credentials, EpochMs } from "../core/credentials.ts";
import { base32 } from "./world.ts";

/** What a session token says about its bearer. */
export interface Session {
  /** `identity`: the instance identity role, which AWS's own agents use; it may assume nothing. */
  readonly kind: "host" | "role" | "identity";
  /** With its path; policies name it. */
  readonly roleArn: string;
  readonly sessionName: string;
  readonly issuedAt: EpochMs;
  readonly expiresAt: EpochMs;
  /** Stays with every session assumed from this one. */
  readonly sourceIdentity?: string | undefined;
  /** Transitive session tags: they go on to every session assumed from this one. */
  readonly transitiveTags: Readonly<Record<string, string>>;
}

/** Secret access keys have 40 base64 characters. */
const SECRET_BYTES = 30;
/** "ASIA" and 16 of A-Z2-7. */
const KEY_ID_BYTES = 16;
/** What AWS's session tokens begin with: "IQoJb3JpZ2luX2Vj". */
const TOKEN_HEAD = Buffer.from("IQoJb3JpZ2luX2Vj", "base64");
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Sessions are padded to a multiple of this, which gives tokens the length of AWS's. */
const TOKEN_BLOCK_BYTES = 512;

/**
 * Access keys that need no table: the secret follows from the key id and the
 * seed, and the token is the session itself, encrypted and tied to the key id.
 * So whoever knows the seed can check keys that another part handed out.
 */
export class SessionKeys {
  readonly #seed: string;
  readonly #tokenKey: Buffer;

  constructor(seed: string) {
    this.#seed = seed;
    this.#tokenKey = this.#derive("token key", "");
  }

  /** `entropy` must differ between two sets of credentials, and makes them the same when it does not. */
  issue(session: Session, entropy: Uint8Array | string): Credentials {
    const accessKeyId = this.#keyId(entropy);
    return {
      accessKeyId,
      secretAccessKey: this.secretOf(accessKeyId),
      sessionToken: this.#seal(accessKeyId, session),
      issuedAt: session.issuedAt,
      expiresAt: session.expiresAt,
    };
  }

  secretOf(accessKeyId: string): string {
    return this.#derive("secret", accessKeyId).subarray(0, SECRET_BYTES).toString("base64");
  }

  /** Undefined when the token is not one of ours, was altered, or belongs to another key id. Expiry is not looked at. */
  sessionOf(accessKeyId: string, sessionToken: string): Session | undefined {
    const token = Buffer.from(sessionToken, "base64");
    if (!sessionToken.startsWith(TOKEN_HEAD.toString("base64")) || token.toString("base64") !== sessionToken)
      return undefined;
    try {
      return JSON.parse(this.#open(accessKeyId, token)) as Session;
    } catch {
      return undefined;
    }
  }

  #keyId(entropy: Uint8Array | string): string {
    return `ASIA${base32(this.#derive("key id", entropy).subarray(0, KEY_ID_BYTES))}`;
  }

  #seal(accessKeyId: string, session: Session): string {
    const json = JSON.stringify(session);
    const text = json.padEnd(Math.ceil(Buffer.byteLength(json) / TOKEN_BLOCK_BYTES) * TOKEN_BLOCK_BYTES);
    const iv = this.#derive("iv", `${accessKeyId} ${json}`).subarray(0, IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#tokenKey, iv).setAAD(Buffer.from(accessKeyId));
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([TOKEN_HEAD, iv, cipher.getAuthTag(), sealed]).toString("base64");
  }

  #open(accessKeyId: string, token: Buffer): string {
    const tagAt = TOKEN_HEAD.length + IV_BYTES;
    const textAt = tagAt + TAG_BYTES;
    const iv = token.subarray(TOKEN_HEAD.length, tagAt);
    const decipher = createDecipheriv("aes-256-gcm", this.#tokenKey, iv, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(accessKeyId))
      .setAuthTag(token.subarray(tagAt, textAt));
    return Buffer.concat([decipher.update(token.subarray(textAt)), decipher.final()]).toString("utf8");
  }

  #derive(purpose: string, input: Uint8Array | string): Buffer {
    return createHmac("sha256", this.#seed).update(`${purpose}\n`).update(input).digest();
  }
}
