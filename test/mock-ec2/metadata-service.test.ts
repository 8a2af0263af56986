import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceFrom } from "../../src/mock-ec2/world.ts";
import { assertGolden } from "./golden.ts";
import { headerOf, metadataBench } from "./metadata-bench.ts";
import { NOON, worldOf } from "./sts-bench.ts";

const TOKEN = "/latest/api/token";
const TTL = "x-aws-ec2-metadata-token-ttl-seconds";
const ID = "/latest/meta-data/instance-id";
const GIVEN = "x-aws-ec2-metadata-token";

test("a token is handed out for the seconds asked, which the answer repeats", () => {
  const { put } = metadataBench();
  for (const seconds of ["1", "10", "60", "300", "21600"]) {
    const answer = put(TOKEN, { [TTL]: seconds });
    assert.equal(answer.status, 200);
    assert.match(answer.body, /^[A-Za-z0-9+/]{54}==$/);
    assert.equal(headerOf(answer, TTL), seconds);
    assert.equal(headerOf(answer, "content-type"), "text/plain");
  }
});

test("a token request that is odd is refused with EC2's statuses", () => {
  const { put, send } = metadataBench();
  for (const [target, headers, status] of [
    [TOKEN, {}, 400],
    [TOKEN, { [TTL]: "0" }, 400],
    [TOKEN, { [TTL]: "21601" }, 400],
    [TOKEN, { [TTL]: "abc" }, 400],
    [TOKEN, { [TTL]: ["60", "60"] }, 400],
    [TOKEN, { [TTL]: "60", "x-forwarded-for": "10.0.0.1" }, 403],
    [TOKEN, { [TTL]: "60", "x-forwarded-for": "" }, 403],
    ["/2021-03-23/api/token", { [TTL]: "60" }, 403],
    ["/1999-01-01/api/token", { [TTL]: "60" }, 404],
    [`${TOKEN}/`, { [TTL]: "60" }, 404],
    ["/latest/meta-data/", { [TTL]: "60" }, 404],
  ] as const) {
    assert.equal(put(target, headers).status, status, `${target} ${JSON.stringify(headers)}`);
  }
  const read = send("GET", TOKEN);
  assert.deepEqual([read.status, headerOf(read, "allow")], [405, "PUT"]);
});

test("where both versions are allowed, no token is needed, but a presented one must be good", () => {
  const { get, token } = metadataBench();
  assert.equal(get(ID).status, 200);
  assert.equal(get(ID, { [GIVEN]: token() }).status, 200);
  for (const bad of ["", "x", `${token()}x`, [token(), token()]]) {
    assert.equal(get(ID, { [GIVEN]: bad }).status, 401, String(bad));
    assert.equal(get("/", { [GIVEN]: bad }).status, 401);
  }
});

test("version 2 alone: no token, no answer, whatever the path or method", () => {
  const { get, send, token } = metadataBench({ mode: "v2-only" });
  for (const target of ["/", "/latest/", ID, "/latest/nothing", "/latest/meta-data/iam/security-credentials/host"]) {
    assert.equal(get(target).status, 401, target);
    assert.equal(send("HEAD", target).status, 401, target);
  }
  assert.equal(get(ID, { [GIVEN]: token() }).body, "i-0123456789abcdef0");
});

test("a token ends when its seconds are over, and each answer says how many are left", () => {
  const { get, token, turnTo } = metadataBench({ mode: "v2-only" });
  const given = token(2);
  assert.equal(headerOf(get(ID, { [GIVEN]: given }), TTL), "2");
  turnTo(NOON + 1500);
  assert.equal(headerOf(get(ID, { [GIVEN]: given }), TTL), "1");
  turnTo(NOON + 2000);
  assert.equal(get(ID, { [GIVEN]: given }).status, 401);
});

test("directories and leaves answer with and without a slash at the end, and never redirect", () => {
  const { get } = metadataBench();
  for (const path of [
    "/latest/meta-data",
    "/latest/meta-data/iam/security-credentials",
    "/latest/meta-data/iam/security-credentials/host",
    "/latest/meta-data/placement/availability-zone",
    "/latest/dynamic/instance-identity",
    "/latest/dynamic/instance-identity/document",
  ]) {
    assert.equal(get(path).status, 200, path);
    assert.equal(get(`${path}/`).body, get(path).body, path);
  }
});

test("the role is its name alone, one line, without its path", () => {
  assert.equal(metadataBench().get("/latest/meta-data/iam/security-credentials/").body, "host");
});

test("a role's name is found percent-encoded, and in its own case only", () => {
  const { get } = metadataBench({ world: worldOf({ instance: instanceFrom({ role: "a+b=c,d" }) }) });
  const path = "/latest/meta-data/iam/security-credentials/";
  assert.equal(get(`${path}a%2Bb%3Dc%2Cd`).status, 200);
  assert.equal(get(`${path}/a+b=c,d`).status, 200);
  for (const wrong of ["A+b=c,d", "a+b=c,d/x", "other", "constructor", "__proto__"]) {
    assert.equal(get(path + wrong).status, 404, wrong);
  }
});

test("a public key is listed with its name and found by its number", () => {
  const { get } = metadataBench();
  assert.equal(get("/latest/meta-data/public-keys/").body, "0=mock-ec2");
  assert.equal(get("/latest/meta-data/public-keys/0").body, "openssh-key");
  assert.match(
    get("/latest/meta-data/public-keys/0/openssh-key").body,
    /^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\S{43} mock-ec2$/,
  );
  assert.equal(get("/latest/meta-data/public-keys/1").status, 404);
});

test("user data is bytes where there is some, and 404 where there is none", () => {
  const withData = metadataBench({ world: worldOf({ instance: instanceFrom({ userData: "#!/bin/sh\n" }) }) });
  const answer = withData.get("/latest/user-data/");
  assert.deepEqual(
    [answer.status, answer.body, headerOf(answer, "content-type")],
    [200, "#!/bin/sh\n", "application/octet-stream"],
  );
  assert.equal(metadataBench().get("/latest/user-data").status, 404);
  assert.equal(
    metadataBench({ world: worldOf({ instance: instanceFrom({ userData: "" }) }) }).get("/latest/user-data").status,
    404,
  );
});

test("what is conditional, unknown or strange is 404", () => {
  const { get } = metadataBench();
  for (const target of [
    "/latest/meta-data/spot/instance-action",
    "/latest/meta-data/events/recommendations/rebalance",
    "/latest/meta-data/autoscaling/target-lifecycle-state",
    "/latest/meta-data/tags/instance",
    "/latest/meta-data/ipv6",
    "/latest/meta-data/iam/security-credentials-extended/",
    "/latest/meta-data/instance-id/x",
    "/latest/meta-data/../meta-data/instance-id",
    "/LATEST/meta-data/",
    "/1999-01-01/meta-data/",
    "/latest/toString",
  ]) {
    assert.equal(get(target).status, 404, target);
  }
  assert.equal(get("latest").status, 400);
});

test("other methods are 405 and say what is allowed", () => {
  const { send } = metadataBench();
  for (const method of ["POST", "DELETE", "OPTIONS", "PATCH", "get"]) {
    const answer = send(method, ID);
    assert.deepEqual([answer.status, headerOf(answer, "allow")], [405, "GET, HEAD, PUT"], method);
  }
});

test("an error is EC2's page, which could be taken for neither a role nor JSON", () => {
  const { get, put, send } = metadataBench({ mode: "v2-only" });
  assertGolden("400.html", put(TOKEN).body);
  assertGolden("401.html", get(ID).body);
  assertGolden("403.html", put("/2021-03-23/api/token").body);
  assertGolden("404.html", put("/x").body);
  assertGolden("405.html", send("POST", ID).body);
  assert.equal(headerOf(get(ID), "content-type"), "text/html");
});
