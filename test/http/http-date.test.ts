import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpDate } from "../../src/http/http-date.ts";

test("the date is the second's, in the form HTTP asks for, and follows the clock both ways", () => {
  let now = Date.UTC(2026, 10, 2, 3, 4, 5, 999);
  const date = new HttpDate(() => now);
  assert.equal(date.text(), "Mon, 02 Nov 2026 03:04:05 GMT");
  now += 1;
  assert.equal(date.text(), "Mon, 02 Nov 2026 03:04:06 GMT");
  now -= 3_600_000;
  assert.equal(date.text(), "Mon, 02 Nov 2026 02:04:06 GMT");
});
