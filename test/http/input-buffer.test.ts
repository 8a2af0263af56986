import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestError } from "../../src/http/request-error.ts";
import { inputOf } from "./input-of.ts";

test("a line waits for its end, even when CR and LF come apart", () => {
  const input = inputOf("ab");
  assert.equal(input.hasLineWithin(10), false);
  input.append(Buffer.from("c\r"));
  assert.equal(input.hasLineWithin(10), false);
  input.append(Buffer.from("\nd\r\ne"));
  assert.equal(input.hasLineWithin(10), true);
  assert.equal(input.takeLine(), "abc");
  assert.equal(input.takeLine(), "d");
  assert.equal(input.hasLineWithin(10), false);
  assert.equal(input.unread, 1);
});

test("bytes are characters: latin1, one to one, and text reaches to the end of the last whole line", () => {
  const input = inputOf("\xc3\xa9\xff\r\n\xff");
  assert.equal(input.text, "\xc3\xa9\xff\r\n");
  assert.equal(input.bytes.length, 6);
});

// biome-ignore format: one row a line
const LENGTHS: readonly [text: string, hasLine: boolean | undefined, because: string][] = [
  ["abc\r\n",        true,      "five bytes"],
  ["abcd\r\n",       undefined, "six bytes"],
  ["abcde",          undefined, "five bytes, and no end yet"],
  ["abcd",           false,     "it may still end in time"],
  ["abc\r\nlonger",  true,      "what follows is not its length"],
  ["abcd\r\ne\r\n",  undefined, "nor does a later line's end count"],
  ["",               false,     "nothing there"],
];

for (const [text, hasLine, because] of LENGTHS) {
  test(`a line within five bytes in ${JSON.stringify(text)}: ${hasLine}, ${because}`, () => {
    assert.equal(inputOf(text).hasLineWithin(5), hasLine);
    assert.equal(inputOf("x", text).hasLineWithin(6), hasLine);
  });
}

test("LF needs its own CR: neither none nor one that was passed over", () => {
  assert.ok(inputOf("a\n").takeLine() instanceof RequestError);
  const input = inputOf("x\r\ny\r\n");
  assert.equal(input.skip(2), 2);
  assert.ok(input.takeLine() instanceof RequestError);
});

test("skipping takes what there is, and never beyond", () => {
  const input = inputOf("abc");
  assert.equal(input.skip(5), 3);
  assert.equal(input.skip(2), 0);
  input.append(Buffer.from("de\r\n"));
  assert.equal(input.skip(1), 1);
  assert.equal(input.takeLine(), "e");
});

test("what has been read is let go of when that is all, and not before", () => {
  const input = inputOf("x".repeat(1000), "y");
  input.skip(1000);
  input.release();
  assert.equal(input.unread, 1);
  input.skip(1);
  input.release();
  assert.deepEqual([input.bytes.length, input.text, input.at], [0, "", 0]);
  input.append(Buffer.from("z\r\n"));
  assert.equal(input.takeLine(), "z");
});
