import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { credentialsDocument, deniedDocument, iamInfoDocument } from "../../src/metadata/credentials-document.ts";
import { credentials, START } from "../support/workloads.ts";

/** Golden files end in a line feed as every text file does; the documents do not. */
const golden = (name: string): string => readFileSync(`test/golden/metadata/${name}`, "utf8").replace(/\n$/, "");

describe("the documents, compared whole", () => {
  it("credentials: seven keys, no more", () => {
    assert.equal(credentialsDocument(credentials("example")), golden("credentials.json"));
  });

  it("a role that STS refuses", () => {
    assert.equal(deniedDocument("reader", START), golden("denied.json"));
  });

  it("iam/info: a profile named like the role, in the role's partition and account", () => {
    const roleArn = "arn:aws-cn:iam::111122223333:role/team/reader";
    const document = iamInfoDocument({ roleArn, roleName: "reader", at: START });
    const id = /"(AIPA[0-9A-Z]{17})"/.exec(document)?.[1] ?? assert.fail(document);
    assert.equal(document.replace(id, "AIPA0000000000000000"), golden("iam-info.json"));
    assert.ok(document.includes(id));
    assert.notEqual(
      id,
      /AIPA\w+/.exec(iamInfoDocument({ roleArn: `${roleArn}2`, roleName: "reader2", at: START }))?.[0],
    );
  });

  it("a fraction of a second never shows, and the time zone never counts", () => {
    const script = `import { credentialsDocument } from "./src/metadata/credentials-document.ts";
      console.log(credentialsDocument({ issuedAt: ${START + 999}, expiresAt: ${START + 3_600_999} }));`;
    const text = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", script], {
      env: { TZ: "Asia/Kathmandu" },
      encoding: "utf8",
    });
    assert.match(text, /"LastUpdated" : "2026-01-02T03:04:05Z"/);
    assert.match(text, /"Expiration" : "2026-01-02T04:04:05Z"/);
  });
});
