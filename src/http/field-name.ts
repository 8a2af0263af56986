/** ASCII capitals to small letters; every other byte to itself. */
const LOWER_CASE = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte));

/**
 * What SDKs send, by length and last letter. No two may share a key (a test looks): the later one would only be slower.
 */
const COMMON_NAMES: ReadonlyMap<number, string> = new Map(
  [
    ...["host", "accept", "user-agent", "connection", "content-type", "content-length", "accept-encoding"],
    ...["x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds", "amz-sdk-request", "transfer-encoding"],
  ].map((name) => [keyOf(name.length, name.charCodeAt(name.length - 1)), name]),
);

function keyOf(length: number, lastByte: number): number {
  return length * 256 + lastByte;
}

/**
 * The name in `bytes` from `start` to `end`, in lower case, when it is one of the common ones: the string that is there
 * already, so that none need be made, lower-cased and hashed for it. undefined says nothing about the name.
 */
export function commonFieldName(bytes: Uint8Array, start: number, end: number): string | undefined {
  const name = COMMON_NAMES.get(keyOf(end - start, LOWER_CASE[bytes[end - 1] ?? 0] ?? 0));
  return name !== undefined && isSpeltAt(bytes, start, name) ? name : undefined;
}

function isSpeltAt(bytes: Uint8Array, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index += 1) {
    if (LOWER_CASE[bytes[start + index] ?? 0] !== name.charCodeAt(index)) return false;
  }
  return true;
}
