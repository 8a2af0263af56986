import fc from "fast-check";
import { bytesNearLimits, requestBytes } from "./request-bytes.ts";

/** Ends too soon. */
const truncated: fc.Arbitrary<Buffer> = fc
  .tuple(fc.oneof(requestBytes(), bytesNearLimits()), fc.nat())
  .map(([bytes, at]) => bytes.subarray(0, at % bytes.length));

const random: fc.Arbitrary<Buffer> = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));

/** The same again and again, as a flood does. */
const repeated: fc.Arbitrary<Buffer> = fc
  .tuple(requestBytes(), fc.integer({ min: 2, max: 200 }))
  .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes)));

/** Requests that are nearly right, at the limits, cut off, repeated, and bytes that are none. */
export const hostileBytes = (): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 20, arbitrary: requestBytes() },
    { weight: 4, arbitrary: bytesNearLimits() },
    { weight: 8, arbitrary: truncated },
    { weight: 8, arbitrary: random },
    { weight: 1, arbitrary: repeated },
  );
