import assert from "node:assert/strict";
import { test } from "node:test";
import type { AssumeRoleRequest } from "../../src/mock-ec2/assume-role-request.ts";
import type { Session } from "../../src/mock-ec2/session-keys.ts";
import { assumedRole, type Caller } from "../../src/mock-ec2/sts-caller.ts";
import { decideAssumeRole } from "../../src/mock-ec2/sts-decision.ts";
import { isStsError } from "../../src/mock-ec2/sts-error.ts";
import type { TrustStatement } from "../../src/mock-ec2/trust-policy.ts";
import type { Role, World } from "../../src/mock-ec2/world.ts";
import { HOST_ROLE, HOST_SESSION, NOON, WEB_ROLE, worldOf } from "./sts-bench.ts";

const FOREIGN_ROLE = "arn:aws:iam::444455556666:role/partner";

const sessionOf = (parts: Partial<Session> = {}): Session => ({
  kind: "host",
  roleArn: HOST_ROLE,
  sessionName: "i-0123456789abcdef0",
  issuedAt: NOON,
  expiresAt: NOON + 3_600_000,
  transitiveTags: {},
  ...parts,
});

function callerWith(parts: Partial<Session> = {}): Caller {
  const session = sessionOf(parts);
  const { arn, userId } = assumedRole(session.roleArn, session.sessionName);
  return {
    arn,
    userId,
    principalArn: session.roleArn,
    accountId: session.roleArn.split(":")[4] ?? "",
    partition: "aws",
    session,
  };
}

const userArn = "arn:aws:iam::111122223333:user/alice";
const user: Caller = {
  arn: userArn,
  principalArn: userArn,
  accountId: "111122223333",
  partition: "aws",
  userId: "AIDA",
};

const requestOf = (parts: Partial<AssumeRoleRequest> = {}): AssumeRoleRequest => ({
  roleArn: WEB_ROLE,
  sessionName: "web-1",
  durationSeconds: 3600,
  policyArns: [],
  tags: {},
  transitiveTagKeys: [],
  ...parts,
});

const trustOf = (principals: readonly string[], parts: Partial<TrustStatement> = {}): TrustStatement => ({
  effect: "Allow",
  principals,
  actions: ["sts:*"],
  conditions: [],
  ...parts,
});

const roleOf = (parts: Partial<Role> = {}): Role => ({
  arn: WEB_ROLE,
  trust: [trustOf([HOST_ROLE])],
  maxSessionSeconds: 3600,
  mayAssume: [],
  ...parts,
});

/** "allowed", or the error's code with, for AccessDenied, the action and the reason. */
function outcome(world: World, caller: Caller, request = requestOf()): string {
  const decided = decideAssumeRole(world, caller, request);
  if (!isStsError(decided)) return "allowed";
  const action = / perform: (\S+)/.exec(decided.message)?.[1];
  return decided.code === "AccessDenied" ? `${action}: ${decided.reason}` : decided.message;
}

const closedWorld = (roles: readonly Role[], parts: Partial<World> = {}): World =>
  worldOf({ roles, hostMayAssume: [], ...parts });

test("without a list of roles the host may assume all that hostMayAssume lets it, in any account", () => {
  assert.equal(outcome(worldOf(), callerWith()), "allowed");
  assert.equal(outcome(worldOf(), callerWith(), requestOf({ roleArn: FOREIGN_ROLE })), "allowed");
  const limited = worldOf({ hostMayAssume: ["arn:aws:iam::111122223333:role/*"] });
  assert.equal(outcome(limited, callerWith()), "allowed");
  assert.equal(
    outcome(limited, callerWith(), requestOf({ roleArn: FOREIGN_ROLE })),
    "sts:AssumeRole: hostMayAssume has no pattern for this role",
  );
});

test("without a list of roles a session of a role, or of the identity role, may assume none", () => {
  for (const kind of ["role", "identity"] as const) {
    assert.equal(
      outcome(worldOf(), callerWith({ kind, roleArn: WEB_ROLE })),
      "sts:AssumeRole: without a file only the host's role may assume roles",
    );
  }
});

test("an unknown role is AccessDenied in the same words as a closed one", () => {
  const request = requestOf({ roleArn: "arn:aws:iam::111122223333:role/nobody" });
  const unknown = decideAssumeRole(closedWorld([]), callerWith(), request);
  const closed = decideAssumeRole(closedWorld([roleOf({ arn: request.roleArn, trust: [] })]), callerWith(), request);
  assert.ok(isStsError(unknown) && isStsError(closed));
  assert.equal(
    unknown.message,
    `User: ${HOST_SESSION} is not authorized to perform: sts:AssumeRole on resource: ${request.roleArn} because no identity-based policy allows the sts:AssumeRole action`,
  );
  assert.deepEqual([closed.code, closed.status, closed.message], [unknown.code, 403, unknown.message]);
  assert.equal(unknown.reason, "the file has no such role");
});

test("a caller with permission reads which trust policy is missing in its own account, and nothing of others'", () => {
  const words = (arn: string, roles: readonly Role[]) => {
    const denied = decideAssumeRole(
      closedWorld(roles, { hostMayAssume: ["*"] }),
      callerWith(),
      requestOf({ roleArn: arn }),
    );
    return isStsError(denied) ? denied.message.replace(/^.*sts:AssumeRole(?= (on|because|with))/, "") : "allowed";
  };
  const deny = trustOf([HOST_ROLE], { effect: "Deny" });
  const plain = (arn: string) => ` on resource: ${arn}`;
  assert.equal(
    words(WEB_ROLE, [roleOf({ trust: [] })]),
    " because no role trust policy allows the sts:AssumeRole action",
  );
  assert.equal(words(WEB_ROLE, [roleOf({ trust: [deny] })]), " with an explicit deny in the role trust policy");
  assert.equal(words(WEB_ROLE, []), plain(WEB_ROLE));
  for (const trust of [[], [deny]]) {
    assert.equal(words(FOREIGN_ROLE, [roleOf({ arn: FOREIGN_ROLE, trust })]), plain(FOREIGN_ROLE));
  }
});

test("within one account, being named by the trust policy suffices; through the account both sides must allow", () => {
  assert.equal(outcome(closedWorld([roleOf()]), callerWith()), "allowed");
  const byAccount = [roleOf({ trust: [trustOf(["111122223333"])] })];
  assert.equal(
    outcome(closedWorld(byAccount), callerWith()),
    "sts:AssumeRole: hostMayAssume has no pattern for this role",
  );
  assert.equal(outcome(closedWorld(byAccount, { hostMayAssume: ["*"] }), callerWith()), "allowed");
});

test("across accounts both sides must always allow", () => {
  const roles = [roleOf({ arn: FOREIGN_ROLE })];
  const request = requestOf({ roleArn: FOREIGN_ROLE });
  assert.equal(
    outcome(closedWorld(roles), callerWith(), request),
    "sts:AssumeRole: hostMayAssume has no pattern for this role",
  );
  assert.equal(outcome(closedWorld(roles, { hostMayAssume: [FOREIGN_ROLE] }), callerWith(), request), "allowed");
  const closed = closedWorld([roleOf({ arn: FOREIGN_ROLE, trust: [trustOf(["444455556666"])] })], {
    hostMayAssume: ["*"],
  });
  assert.equal(
    outcome(closed, callerWith(), request),
    "sts:AssumeRole: no statement of the role's trust policy allows sts:AssumeRole to this caller",
  );
});

test("the host's permission policy is judged action by action, and its Deny even where the role trusts the host", () => {
  const containers = { kind: "these", patterns: ["arn:aws:iam::*:role/containers/*"] } as const;
  const allow = { effect: "Allow", actions: ["sts:assumerole"], resources: containers } as const;
  const denyOthers = { effect: "Deny", actions: ["sts:*"], resources: { ...containers, kind: "others" } } as const;
  const admin = "arn:aws:iam::111122223333:role/admin";
  const roles = [
    roleOf({ trust: [trustOf(["111122223333"])] }),
    roleOf({ arn: admin }),
    roleOf({ arn: FOREIGN_ROLE, trust: [trustOf(["111122223333"])] }),
  ];
  const judge = (statements: World["hostPermissionPolicy"], request: Partial<AssumeRoleRequest> = {}) =>
    outcome(closedWorld(roles, { hostPermissionPolicy: statements ?? [] }), callerWith(), requestOf(request));
  assert.equal(judge([allow]), "allowed");
  assert.equal(
    judge([allow], { tags: { team: "red" } }),
    "sts:TagSession: no statement of hostPermissionPolicy allows it for this role",
  );
  assert.equal(
    judge([allow], { roleArn: FOREIGN_ROLE }),
    "sts:AssumeRole: no statement of hostPermissionPolicy allows it for this role",
  );
  assert.equal(judge([allow], { roleArn: admin }), "allowed");
  assert.equal(
    judge([allow, denyOthers], { roleArn: admin }),
    "sts:AssumeRole: a Deny statement of hostPermissionPolicy covers sts:AssumeRole",
  );
  const open = worldOf({ hostPermissionPolicy: [allow] });
  assert.equal(outcome(open, callerWith()), "allowed");
  assert.match(outcome(open, callerWith(), requestOf({ roleArn: admin })), /no statement of hostPermissionPolicy/);
});

test("a Deny of the caller's own permission policy is told in AWS's words", () => {
  const deny = { effect: "Deny", actions: ["*"], resources: { kind: "these", patterns: ["*"] } } as const;
  const denied = decideAssumeRole(worldOf({ hostPermissionPolicy: [deny] }), callerWith(), requestOf());
  assert.ok(isStsError(denied));
  assert.equal(
    denied.message,
    `User: ${HOST_SESSION} is not authorized to perform: sts:AssumeRole on resource: ${WEB_ROLE} with an explicit deny in an identity-based policy`,
  );
});

test("a Deny in the trust policy holds against everything", () => {
  const roles = [roleOf({ trust: [trustOf(["*"]), trustOf([HOST_ROLE], { effect: "Deny" })] })];
  assert.equal(
    outcome(closedWorld(roles, { hostMayAssume: ["*"] }), callerWith()),
    "sts:AssumeRole: a Deny statement of the role's trust policy covers sts:AssumeRole",
  );
});

test("conditions see the external id, the session name, the caller's role and the request's tags", () => {
  for (const [key, value, request] of [
    ["sts:externalid", "x-1", { externalId: "x-1" }],
    ["sts:rolesessionname", "web-1", {}],
    ["aws:principalarn", HOST_ROLE, {}],
    ["aws:principalaccount", "111122223333", {}],
    ["aws:requesttag/team", "red", { tags: { Team: "red" } }],
    ["sts:sourceidentity", "alice", { sourceIdentity: "alice" }],
  ] as const) {
    const conditioned = (values: readonly string[]) =>
      closedWorld([
        roleOf({
          trust: [trustOf([HOST_ROLE], { conditions: [{ operator: "StringEquals", ifExists: false, key, values }] })],
        }),
      ]);
    assert.equal(outcome(conditioned([value]), callerWith(), requestOf(request)), "allowed", key);
    assert.match(
      outcome(conditioned(["else"]), callerWith(), requestOf(request)),
      /^sts:AssumeRole: no statement/,
      key,
    );
  }
  const wantsId = closedWorld([
    roleOf({
      trust: [
        trustOf([HOST_ROLE], {
          conditions: [{ operator: "StringEquals", ifExists: false, key: "sts:externalid", values: ["x"] }],
        }),
      ],
    }),
  ]);
  assert.match(outcome(wantsId, callerWith()), /^sts:AssumeRole: no statement/);
});

test("tags and a source identity need actions of their own", () => {
  const onlyAssume = closedWorld([roleOf({ trust: [trustOf([HOST_ROLE], { actions: ["sts:assumerole"] })] })]);
  assert.equal(outcome(onlyAssume, callerWith()), "allowed");
  assert.match(outcome(onlyAssume, callerWith(), requestOf({ tags: { a: "b" } })), /^sts:TagSession: no statement/);
  assert.match(
    outcome(onlyAssume, callerWith(), requestOf({ sourceIdentity: "alice" })),
    /^sts:SetSourceIdentity: no statement/,
  );
});

test("an inherited source identity and inherited tags need those actions too", () => {
  const onlyAssume = closedWorld([roleOf({ trust: [trustOf(["*"], { actions: ["sts:assumerole"] })] })]);
  assert.match(outcome(onlyAssume, callerWith({ sourceIdentity: "alice" })), /^sts:SetSourceIdentity: no statement/);
  assert.match(outcome(onlyAssume, callerWith({ transitiveTags: { Team: "red" } })), /^sts:TagSession: no statement/);
});

test("a source identity goes on along the chain and cannot be changed", () => {
  const world = closedWorld([roleOf()]);
  const caller = callerWith({ sourceIdentity: "alice" });
  for (const sourceIdentity of [undefined, "alice"]) {
    const inherited = decideAssumeRole(world, caller, requestOf({ sourceIdentity }));
    assert.ok(!isStsError(inherited));
    assert.equal(inherited.sourceIdentity, "alice");
  }
  assert.match(
    outcome(world, caller, requestOf({ sourceIdentity: "mallory" })),
    /^sts:SetSourceIdentity: the calling session has another/,
  );
});

test("transitive tags go on, cannot be overridden, and must be among the tags", () => {
  const world = closedWorld([roleOf()]);
  const caller = callerWith({ transitiveTags: { Team: "red" } });
  const inherited = decideAssumeRole(
    world,
    caller,
    requestOf({ tags: { Cost: "1", Other: "2" }, transitiveTagKeys: ["Cost", "team"] }),
  );
  assert.ok(!isStsError(inherited));
  assert.deepEqual(inherited.transitiveTags, { Cost: "1", Team: "red" });
  assert.match(outcome(world, caller, requestOf({ tags: { TEAM: "blue" } })), /conflicts with a transitive tag key/);
  assert.match(
    outcome(world, caller, requestOf({ transitiveTagKeys: ["Nope"] })),
    /must be included in the requested tags/,
  );
});

test("a session policy comes from AWS or from the role's own account", () => {
  const withArn = (arn: string) => outcome(worldOf(), callerWith(), requestOf({ policyArns: [arn] }));
  assert.equal(withArn("arn:aws:iam::aws:policy/ReadOnlyAccess"), "allowed");
  assert.equal(withArn("arn:aws:iam::111122223333:policy/path/mine"), "allowed");
  assert.equal(
    withArn("arn:aws:iam::444455556666:policy/theirs"),
    "ARN arn:aws:iam::444455556666:policy/theirs is not valid.",
  );
  assert.match(withArn("arn:aws:iam::aws:policy/"), /is not valid/);
});

test("a role that a session assumes lasts an hour at most, whatever the role allows", () => {
  const world = closedWorld([roleOf({ maxSessionSeconds: 43_200 })]);
  const chained = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
  assert.equal(outcome(world, callerWith(), requestOf({ durationSeconds: 3600 })), "allowed");
  assert.equal(outcome(world, callerWith(), requestOf({ durationSeconds: 3601 })), chained);
  assert.equal(outcome(worldOf(), callerWith(), requestOf({ durationSeconds: 7200 })), chained);
});

test("a user is held to the role's own maximum", () => {
  const world = closedWorld([roleOf({ maxSessionSeconds: 7200, trust: [trustOf([userArn])] })]);
  assert.equal(outcome(world, user, requestOf({ durationSeconds: 7200 })), "allowed");
  const tooLong = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
  assert.equal(outcome(world, user, requestOf({ durationSeconds: 7201 })), tooLong);
});

test("a role's session and a user may assume what their own mayAssume lets them", () => {
  const target = roleOf({ arn: FOREIGN_ROLE, trust: [trustOf(["111122223333"])] });
  const request = requestOf({ roleArn: FOREIGN_ROLE });
  const web = callerWith({ kind: "role", roleArn: WEB_ROLE });
  assert.equal(
    outcome(closedWorld([target, roleOf()], { hostMayAssume: ["*"] }), web, request),
    `sts:AssumeRole: mayAssume of ${WEB_ROLE} has no pattern for this role`,
  );
  assert.equal(outcome(closedWorld([target, roleOf({ mayAssume: [FOREIGN_ROLE] })]), web, request), "allowed");
  const users = [{ arn: userArn, accessKeyId: "AKIA", secretAccessKey: "s", mayAssume: ["*"] }];
  assert.match(
    outcome(closedWorld([target]), user, request),
    /^sts:AssumeRole: mayAssume of arn:aws:iam::111122223333:user\/alice/,
  );
  assert.equal(outcome(closedWorld([target], { users }), user, request), "allowed");
});

test("the instance identity role may assume nothing that does not name it", () => {
  const identity = callerWith({ kind: "identity", roleArn: "arn:aws:iam::111122223333:role/aws:ec2-instance" });
  assert.match(
    outcome(closedWorld([roleOf({ trust: [trustOf(["111122223333"])] })], { hostMayAssume: ["*"] }), identity),
    /has no pattern/,
  );
});

test("what is no role ARN is invalid", () => {
  for (const roleArn of [
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::1111:role/abcdef",
    "just-a-long-enough-name",
  ]) {
    assert.equal(outcome(worldOf(), callerWith(), requestOf({ roleArn })), `${roleArn} is invalid`);
  }
});
