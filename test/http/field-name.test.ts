import assert from "node:assert/strict";
import { test } from "node:test";
import { commonFieldName } from "../../src/http/field-name.ts";

const found = (text: string): string | undefined => commonFieldName(Buffer.from(text, "latin1"), 0, text.length);

test("a common name is found in any case", () => {
  for (const spelling of ["X-aws-ec2-metadata-token", "x-aws-ec2-metadata-token", "X-AWS-EC2-METADATA-TOKEN"]) {
    assert.equal(found(spelling), "x-aws-ec2-metadata-token");
  }
});

test("every common name has a key of its own: each is found", () => {
  const names = [
    ...["host", "accept", "user-agent", "connection", "content-type", "content-length", "accept-encoding"],
    ...["x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds", "amz-sdk-request", "transfer-encoding"],
  ];
  assert.deepEqual(names.map(found), names);
});

test("a name of the same length and last letter is not taken for it", () => {
  for (const name of ["hast", "xost", "hos\xd4", "user_agent", "h@st", ""]) assert.equal(found(name), undefined);
});
