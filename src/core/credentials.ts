/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

/**
 * One session's keys, as STS issued them. Never logged, never written to disk.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
 */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** When we received them: `LastUpdated` of the credentials document. */
  readonly issuedAt: EpochMs;
  /** STS's own expiry, never extended. */
  readonly expiresAt: EpochMs;
}
