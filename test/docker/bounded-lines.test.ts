import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { boundedLines, LineTooLong } from "../../src/docker/bounded-lines.ts";

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function linesOf(text: string, { sizes = [], max = 1024 }: { sizes?: number[]; max?: number } = {}) {
  const lines: string[] = [];
  for await (const line of boundedLines(chunksOf(Buffer.from(text), sizes), max)) lines.push(line);
  return lines;
}

test("lines come out whole however the bytes are cut", async () => {
  const line = fc
    .string({ unit: "grapheme", minLength: 1 })
    .filter((text) => !text.includes("\n") && text.trim() === text);
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat(7)), async (lines, sizes) => {
      assert.deepEqual(await linesOf(lines.map((text) => `${text}\n`).join(""), { sizes, max: 4096 }), lines);
    }),
  );
});

test("empty lines and an unfinished last one are left out", async () => {
  assert.deepEqual(await linesOf("a\n\n\r\nb\nhalf"), ["a", "b"]);
});

test("the bound holds for a line and for what may never become one, not for their sum", async () => {
  assert.deepEqual(await linesOf("12345\n12345\n", { max: 5 }), ["12345", "12345"]);
  await assert.rejects(linesOf("123456\n", { max: 5 }), LineTooLong);
  await assert.rejects(linesOf("123456", { sizes: [1, 1, 1, 1, 1], max: 5 }), LineTooLong);
});
