import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError, engineErrorFrom } from "../../src/docker/engine-error.ts";

const where = { endpoint: "unix:///x.sock", asked: "GET /networks" };
const failed = (code: string, message = "") => Object.assign(new Error(message), { code });

for (const [code, kind] of [
  ["ENOENT", "missing-socket"],
  ["ENOTDIR", "missing-socket"],
  ["ECONNREFUSED", "refused"],
  ["EACCES", "permission"],
  ["ETIMEDOUT", "timeout"],
  ["ECONNRESET", "unreachable"],
  ["ENOTFOUND", "unreachable"],
  ["HPE_INVALID_CONSTANT", "bad-answer"],
] as const) {
  test(`${code} is ${kind}`, () => {
    const error = engineErrorFrom(failed(code), where);
    assert.equal(error.kind, kind);
    assert.match(error.message, /unix:\/\/\/x\.sock/);
    assert.ok(error.message.endsWith(`: ${error.remedy}`) && error.remedy.length > 10, error.message);
  });
}

test("the text of an error decides nothing", () => {
  assert.equal(engineErrorFrom(failed("ECONNRESET", "connect ENOENT timeout 404"), where).kind, "unreachable");
  assert.equal(engineErrorFrom("ENOENT", where).kind, "unreachable");
});

test("what is an EngineError already stays itself", () => {
  const error = new EngineError({ kind: "timeout", endpoint: "x", detail: "y" });
  assert.equal(engineErrorFrom(error, where), error);
});
