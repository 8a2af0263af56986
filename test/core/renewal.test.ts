import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renewAfterMs } from "../../src/core/renewal.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe("renewAfterMs", () => {
  it("is always the same for a key, so that a restart changes nothing", () => {
    assert.equal(renewAfterMs(HOUR, "some key"), renewAfterMs(HOUR, "some key"));
  });

  it("leaves 27 minutes of an hour at the least, and spreads keys that hardly differ over six minutes", () => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i += 1) {
      const minutes = renewAfterMs(HOUR, `["arn:aws:iam::111122223333:role/app","web-${i}",3600]`) / MINUTE;
      assert.ok(minutes >= 27 && minutes < 33, `${minutes}`);
      const tenth = Math.floor(((minutes - 27) / 6) * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    assert.ok(
      tenths.every((count) => count > 850 && count < 1_150),
      tenths.join(),
    );
  });

  it("goes by the life of the session", () => {
    const share = renewAfterMs(15 * MINUTE, "k") / (15 * MINUTE);
    assert.ok(share >= 0.45 && share < 0.55);
    assert.equal(share, renewAfterMs(HOUR, "k") / HOUR);
  });
});
