import assert from "node:assert/strict";
import { it } from "node:test";
import { reportText, withoutAccounts } from "../../src/smoke/report.ts";

it("is Markdown: the counts, a row for each check, and what the host is", () => {
  const text = reportText(
    [
      { check: "One", outcome: "passed", seen: "a | b" },
      { check: "Two", outcome: "not checked", seen: "line\n  another" },
    ],
    [["kernel", "6.1.0"]],
  );
  assert.equal(
    text,
    `\
## taskrole smoke: 1 passed, 0 failed, 1 not checked

| | check | seen |
|---|---|---|
| passed | One | a \\| b |
| not checked | Two | line another |

| | |
|---|---|
| kernel | 6.1.0 |
`,
  );
});

it("hides each account's number behind a word of its own, and no other number", () => {
  assert.equal(
    withoutAccounts("arn:aws:iam::111122223333:role/x, 444455556666, 111122223333; 1234567890123, 2030-01-01, 9f3c12"),
    "arn:aws:iam::ACCOUNT-1:role/x, ACCOUNT-2, ACCOUNT-1; 1234567890123, 2030-01-01, 9f3c12",
  );
});
