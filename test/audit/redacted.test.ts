import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redacted, redactedPath } from "../../src/audit/redacted.ts";

const SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN = `AQAAA${"x1+/".repeat(12)}a==`;

describe("redacted", () => {
  it("leaves out what could be a key or a token, whatever stands around it", () => {
    for (const secret of [SECRET_KEY, TOKEN, SECRET_KEY.replaceAll("/", "_")]) {
      const text = redacted(`said "${secret}", and more`);
      assert.equal(text, 'said "…", and more');
    }
  });

  it("leaves an operator what he needs: ARNs, roles, hosts, addresses", () => {
    const text =
      "User: arn:aws:sts::111122223333:assumed-role/host/i-1 may not: arn:aws:iam::444455556666:role/team/reader";
    assert.equal(redacted(text), text);
  });

  it("is never longer than a few lines", () => assert.equal(redacted("a ".repeat(5000)).length, 500));
});

describe("redactedPath", () => {
  it("shows the words of the metadata service", () => {
    for (const path of [
      "/latest/meta-data/iam/security-credentials/",
      "/2021-03-23/user-data",
      "/latest/meta-data/placement/region",
      "/",
    ]) {
      assert.equal(redactedPath(path), path);
    }
  });

  it("shows no other, so that no secret passes, in one piece or in several", () => {
    assert.equal(
      redactedPath(`/latest/meta-data/iam/security-credentials/${TOKEN}`),
      "/latest/meta-data/iam/security-credentials/…/…/…/…/…/…/…/…/…/…/…/…/…",
    );
    assert.equal(redactedPath(`/latest/${SECRET_KEY}`), "/latest/…/…/…");
  });
});
