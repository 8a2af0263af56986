import { createHmac, timingSafeEqual } from "node:crypto";
import type { EpochMs } from "../core/credentials.ts";

/** Seconds: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html */
const MIN_TOKEN_SECONDS = 1;
const MAX_TOKEN_SECONDS = 21_600;

const HEADER = Buffer.from([1, 0, 0, 0]);
const EXPIRY_BYTES = 8;
const MAC_BYTES = 28;
/** 40 bytes are 56 characters of base64 ending in "==", which is how the real service's tokens look. */
const TOKEN = /^[A-Za-z0-9+/]{54}==$/;

/**
 * IMDSv2 tokens without a table: header, expiry, and a MAC over both and the
 * workload. No number of them costs memory, each is good for one workload only,
 * and they outlive a restart as long as the key does.
 */
export class MetadataTokens {
  readonly #key: Buffer;

  /** @param key 32 random bytes that no workload can read */
  constructor(key: Buffer) {
    this.#key = key;
  }

  issue(workloadKey: string, expiresAt: EpochMs): string {
    const token = Buffer.alloc(HEADER.length + EXPIRY_BYTES);
    HEADER.copy(token);
    token.writeBigUInt64BE(BigInt(expiresAt), HEADER.length);
    return Buffer.concat([token, this.#mac(token, workloadKey)]).toString("base64");
  }

  /** Milliseconds left, or undefined when the token is expired, foreign, or none of ours. */
  remainingMs(text: string, workloadKey: string, now: EpochMs): number | undefined {
    if (!TOKEN.test(text)) return undefined;
    const token = Buffer.from(text, "base64");
    if (token.toString("base64") !== text) return undefined; // the last character has four bits that mean nothing
    const signed = token.subarray(0, HEADER.length + EXPIRY_BYTES);
    if (!timingSafeEqual(token.subarray(signed.length), this.#mac(signed, workloadKey))) return undefined;
    const left = Number(signed.readBigUInt64BE(HEADER.length)) - now;
    return left > 0 ? left : undefined;
  }

  #mac(signed: Buffer, workloadKey: string): Buffer {
    return createHmac("sha256", this.#key).update(signed).update(workloadKey).digest().subarray(0, MAC_BYTES);
  }
}

/** The value of the ttl header in seconds, or undefined when the real service would answer 400. */
export function tokenSeconds(values: readonly string[] | undefined): number | undefined {
  const [text] = values ?? [];
  if (values?.length !== 1 || text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const seconds = Number(text);
  return seconds >= MIN_TOKEN_SECONDS && seconds <= MAX_TOKEN_SECONDS ? seconds : undefined;
}
