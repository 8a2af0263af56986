import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { sessionNameOf } from "../../src/core/session-name.ts";

const named = (name: string, id = "0123456789abcdef".repeat(4)) => sessionNameOf(`${name}-${id.slice(0, 12)}`, id);

describe("sessionNameOf", () => {
  it("begins with the container's name and ends with its short id", () => {
    assert.equal(named("web-1"), "web-1-0123456789ab");
  });

  it("replaces what STS refuses", () => {
    assert.equal(named("a b/c:ü"), "a-b-c---0123456789ab");
  });

  it("is what STS takes, whatever the name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (name) =>
        assert.match(named(name), /^[\w+=,.@-]{2,64}$/),
      ),
    );
  });

  it("is cut where it is too long, before the id", () => {
    assert.equal(named("x".repeat(80)), `${"x".repeat(51)}-0123456789ab`);
  });

  it("differs for two containers of the same long name", () => {
    const long = "x".repeat(80);
    assert.notEqual(named(long, "a".repeat(64)), named(long, "b".repeat(64)));
  });
});
