import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_STS_BODY_BYTES } from "../../src/mock-ec2/sts-service.ts";
import { assertGolden } from "./golden.ts";
import { HOST_SESSION, keysIn, NOON, signedPost, stsBench, textOf, WEB_ROLE, worldOf } from "./sts-bench.ts";

const EVERYTHING = {
  ExternalId: "x-1",
  SourceIdentity: "alice",
  Policy: JSON.stringify({ Statement: { Effect: "Allow", Action: "s3:*", Resource: "*" } }),
  "Tags.member.1.Key": "Team",
  "Tags.member.1.Value": "red",
  "TransitiveTagKeys.member.1": "Team",
};

test("the documents are AWS's, letter for letter", () => {
  const { call, assume } = stsBench();
  assertGolden("get-caller-identity.xml", call({ Action: "GetCallerIdentity" }).body);
  assertGolden("assume-role.xml", assume({}).body);
  assertGolden("assume-role-everything.xml", assume(EVERYTHING).body);
});

test("the error documents are AWS's, letter for letter", () => {
  const closed = stsBench(worldOf({ roles: [] }));
  assertGolden("access-denied.xml", closed.assume({}).body);
  assertGolden("role-chaining.xml", closed.assume({ DurationSeconds: "7200" }).body);
  assertGolden("validation-error.xml", closed.assume({ RoleSessionName: "<b>&" }).body);
  assertGolden("invalid-action.xml", closed.call({ Action: "GetSessionToken" }).body);
});

test("every answer is XML with a request id of its own", () => {
  const { call } = stsBench();
  const { headers, body } = call({ Action: "GetCallerIdentity" });
  assert.deepEqual(headers, [
    ["x-amzn-RequestId", "01234567-89ab-cdef-0123-456789abcdef"],
    ["Content-Type", "text/xml"],
  ]);
  assert.match(body, /<RequestId>01234567-89ab-cdef-0123-456789abcdef<\/RequestId>/);
});

test("the keys of an answer sign the next call, as the session they are", () => {
  const { call, assume } = stsBench();
  const identity = call({ Action: "GetCallerIdentity" }, { keys: keysIn(assume({})) });
  assert.equal(textOf(identity, "Arn"), "arn:aws:sts::111122223333:assumed-role/web/web-1");
  assert.match(textOf(identity, "UserId") ?? "", /^AROA[A-Z2-7]{17}:web-1$/);
  assert.equal(textOf(identity, "Account"), "111122223333");
});

test("a session ends when its answer said, and no two sessions share a key", () => {
  const { call, assume, turnTo } = stsBench();
  const first = assume({ DurationSeconds: "900" });
  assert.equal(textOf(first, "Expiration"), "2030-01-02T03:19:05Z");
  assert.notEqual(keysIn(assume({})).accessKeyId, keysIn(first).accessKeyId);
  turnTo(NOON + 900_000);
  const late = call({ Action: "GetCallerIdentity" }, { keys: keysIn(first) });
  assert.deepEqual([late.status, textOf(late, "Code")], [403, "ExpiredToken"]);
});

test("source identity and transitive tags survive a chain of roles", () => {
  const ROLES = ["a", "b"].map((name) => ({
    arn: `arn:aws:iam::111122223333:role/${name}`,
    trust: [{ effect: "Allow" as const, principals: ["*"], actions: ["sts:*"], conditions: [] }],
    maxSessionSeconds: 43_200,
    mayAssume: [],
  }));
  const { assume } = stsBench(worldOf({ roles: ROLES }));
  const first = assume({ RoleArn: "arn:aws:iam::111122223333:role/a", ...EVERYTHING });
  const second = assume({ RoleArn: "arn:aws:iam::111122223333:role/b" }, { keys: keysIn(first) });
  assert.equal(textOf(second, "SourceIdentity"), "alice");
  const overriding = assume(
    { RoleArn: "arn:aws:iam::111122223333:role/b", "Tags.member.1.Key": "team", "Tags.member.1.Value": "blue" },
    { keys: keysIn(second) },
  );
  assert.match(textOf(overriding, "Message") ?? "", /conflicts with a transitive tag key/);
  const long = assume(
    { RoleArn: "arn:aws:iam::111122223333:role/b", DurationSeconds: "3601" },
    { keys: keysIn(second) },
  );
  assert.match(textOf(long, "Message") ?? "", /role chaining/);
});

test("the operation comes before the signature, as in AWS", () => {
  const { sts } = stsBench();
  const unsigned = (target: string) =>
    sts.answer({ method: "GET", target, headers: new Map(), body: new Uint8Array() });
  for (const [target, status, code] of [
    ["/", 400, "InvalidAction"],
    ["/?Action=GetCallerIdentity", 400, "InvalidAction"],
    ["/?Action=getcalleridentity&Version=2011-06-15", 400, "InvalidAction"],
    ["/?Action=GetCallerIdentity&Version=2011-06-15", 403, "MissingAuthenticationToken"],
    ["/x?Action=GetCallerIdentity&Version=2011-06-15", 404, "UnknownOperationException"],
  ] as const) {
    const answer = unsigned(target);
    assert.deepEqual([answer.status, textOf(answer, "Code")], [status, code], target);
  }
});

test("a POST says its operation in its form, not in its query or in another type of body", () => {
  const { sts, hostKeys } = stsBench();
  const request = signedPost({ Action: "GetCallerIdentity" }, { keys: hostKeys() });
  const json = { ...request, headers: new Map([...request.headers, ["content-type", ["application/json"]]]) };
  assert.equal(textOf(sts.answer(json), "Code"), "InvalidAction");
  const empty = { ...request, body: new Uint8Array(), target: "/?Action=GetCallerIdentity&Version=2011-06-15" };
  assert.equal(textOf(sts.answer(empty), "Code"), "InvalidAction");
});

test("a body beyond the limit is refused", () => {
  const { call } = stsBench();
  const answer = call({ Action: "GetCallerIdentity", Padding: "x".repeat(MAX_STS_BODY_BYTES) });
  assert.deepEqual([answer.status, textOf(answer, "Code")], [413, "RequestEntityTooLarge"]);
});

test("the note says who asked for what and why it was refused, and nothing secret", () => {
  const closed = stsBench(worldOf({ roles: [] }));
  const refused = closed.assume({});
  assert.deepEqual(refused.note, {
    action: "AssumeRole",
    errorCode: "AccessDenied",
    reason: "the file has no such role",
    callerArn: HOST_SESSION,
  });
  assert.ok(!refused.body.includes("the file has no such role"));
  const open = stsBench();
  const answer = open.assume({ RoleArn: WEB_ROLE });
  const { secretAccessKey, sessionToken } = keysIn(answer);
  assert.ok(secretAccessKey.length === 40 && sessionToken.length > 600);
  const note = JSON.stringify(answer.note);
  assert.ok(!note.includes(secretAccessKey) && !note.includes(sessionToken), note);
});

test("a token made by hand is nobody's", () => {
  const { keys } = stsBench();
  const session = keys.issue(
    { kind: "role", roleArn: WEB_ROLE, sessionName: "x", issuedAt: NOON, expiresAt: NOON * 2, transitiveTags: {} },
    "e",
  );
  const forged = { ...session, sessionToken: Buffer.from(JSON.stringify({ kind: "host" })).toString("base64") };
  assert.equal(
    textOf(stsBench().call({ Action: "GetCallerIdentity" }, { keys: forged }), "Code"),
    "InvalidClientTokenId",
  );
});
