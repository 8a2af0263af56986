import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseRoleReference } from "../../src/core/role-reference.ts";

const arn = (partition: string, path: string, name: string) => ({
  kind: "arn" as const,
  partition,
  accountId: "111122223333",
  path,
  name,
});

describe("parseRoleReference", () => {
  const good = [
    { text: "arn:aws:iam::111122223333:role/reader", is: arn("aws", "/", "reader"), because: "an ARN" },
    {
      text: "arn:aws-cn:iam::111122223333:role/a/b/r",
      is: arn("aws-cn", "/a/b/", "r"),
      because: "another partition, a path",
    },
    { text: "arn:aws-us-gov:iam::111122223333:role/r", is: arn("aws-us-gov", "/", "r"), because: "GovCloud" },
    {
      text: "arn:aws-iso-b:iam::111122223333:role/r",
      is: arn("aws-iso-b", "/", "r"),
      because: "an isolated partition",
    },
    {
      text: "arn:aws:iam::111122223333:role/a@b.c",
      is: arn("aws", "/", "a@b.c"),
      because: "@ belongs to the name in an ARN",
    },
    {
      text: "arn:aws:iam::111122223333:role/p!~/r",
      is: arn("aws", "/p!~/", "r"),
      because: "any printable character in a path",
    },
    { text: "reader", is: { kind: "name", path: "/", name: "reader" }, because: "a name alone" },
    { text: "team/x/reader", is: { kind: "name", path: "/team/x/", name: "reader" }, because: "path and name" },
    { text: "r@111122223333", is: { kind: "name", path: "/", name: "r", account: "111122223333" }, because: "account" },
    { text: "p/r@prod", is: { kind: "name", path: "/p/", name: "r", account: "prod" }, because: "alias" },
    {
      text: "a+=,.@prod",
      is: { kind: "name", path: "/", name: "a+=,.", account: "prod" },
      because: "the last @ counts",
    },
    { text: "a".repeat(64), is: { kind: "name", path: "/", name: "a".repeat(64) }, because: "64 characters" },
  ];
  for (const { text, is, because } of good) {
    it(`reads ${text.slice(0, 40)}: ${because}`, () => assert.deepEqual(parseRoleReference(text), is));
  }

  const bad = [
    { text: "", says: /empty/, because: "an empty label is no role, and not the default either" },
    { text: " reader", says: /white space/, because: "nothing is trimmed" },
    { text: "reader\n", says: /white space/, because: "a line feed would break every SDK" },
    { text: "arn:aws:iam::1111:role/r", says: /TWELVE-DIGITS/, because: "a short account" },
    { text: "arn:aws:iam::111122223333:user/r", says: /role\//, because: "a user" },
    { text: "arn:aws:sts::111122223333:assumed-role/r/s", says: /iam/, because: "a session is no role" },
    { text: "arn:evil:iam::111122223333:role/r", says: /PARTITION/, because: "no partition of AWS" },
    { text: "arn:aws:iam::111122223333:role/", says: /arn:PARTITION|name/, because: "no name" },
    { text: "a".repeat(65), says: /64/, because: "65 characters" },
    { text: "rôle", says: /letters/, because: "IAM knows ASCII only" },
    { text: "a//b", says: /single slashes/, because: "an empty path segment" },
    { text: "/a", says: /single slashes/, because: "a leading slash" },
    { text: "..", says: /cannot be named/, because: "clients join it into a path" },
    { text: "r@", says: /account/, because: "nothing behind the @" },
    { text: "@prod", says: /role name/, because: "nothing before the @" },
    { text: "r@a b", says: /white space/, because: "an alias with a space" },
    { text: `${"p/".repeat(256)}r`, says: /512/, because: "a path of over 512 characters" },
  ];
  for (const { text, says, because } of bad) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}: ${because}`, () => {
      const parsed = parseRoleReference(text);
      assert.equal(parsed.kind, "bad-role-reference");
      assert.match((parsed as { reason: string }).reason, says);
    });
  }

  it("is total, and what it accepts goes into a URL path and an ARN unchanged", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), (text) => {
        const parsed = parseRoleReference(text);
        if (parsed.kind !== "bad-role-reference") assert.match(parsed.name, /^[\w+=,.@-]{1,64}$/);
      }),
    );
  });
});
