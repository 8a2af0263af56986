import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { EpochMs } from "../core/credentials.ts";

const MAX_TTL_SECONDS = 21_600;

/** Real tokens begin with "AQAAA" and have 56 characters. */
const HEAD = Buffer.from([1, 0, 0, 0]);
const EXPIRY_BYTES = 6;
const NONCE_BYTES = 6;
const MAC_BYTES = 24;
const SIGNED_BYTES = HEAD.length + EXPIRY_BYTES + NONCE_BYTES;

/** Session tokens of IMDSv2 that carry their own expiry, so any number may be alive. */
export class MetadataTokens {
  readonly #seed: string;

  constructor(seed: string) {
    this.#seed = seed;
  }

  issue(expiresAt: EpochMs): string {
    const signed = Buffer.concat([HEAD, Buffer.alloc(EXPIRY_BYTES), randomBytes(NONCE_BYTES)]);
    signed.writeUIntBE(Math.ceil(expiresAt), HEAD.length, EXPIRY_BYTES);
    return Buffer.concat([signed, this.#mac(signed)]).toString("base64");
  }

  /** Undefined when the token is none of ours, or is over. */
  remainingMs(token: string, now: EpochMs): number | undefined {
    const bytes = Buffer.from(token, "base64");
    if (bytes.length !== SIGNED_BYTES + MAC_BYTES || bytes.toString("base64") !== token) return undefined;
    const signed = bytes.subarray(0, SIGNED_BYTES);
    if (!timingSafeEqual(this.#mac(signed), bytes.subarray(SIGNED_BYTES))) return undefined;
    const left = signed.readUIntBE(HEAD.length, EXPIRY_BYTES) - now;
    return left > 0 ? left : undefined;
  }

  #mac(signed: Uint8Array): Buffer {
    return createHmac("sha256", this.#seed).update("metadata token\n").update(signed).digest().subarray(0, MAC_BYTES);
  }
}

/** A whole number of 1 to 21600 seconds; undefined for anything else, and for none. */
export function parseTtl(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const seconds = Number(text);
  return seconds >= 1 && seconds <= MAX_TTL_SECONDS ? seconds : undefined;
}
