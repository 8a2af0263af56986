import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenScopes } from "../../src/metadata/token-scopes.ts";
import { workload } from "../support/workloads.ts";

const web = workload("web", "r");
const onOtherNetworks = () => ({ ...web });

test("what ended has ended for the life, as whichever workload it is seen", () => {
  const scopes = new TokenScopes();
  const first = scopes.of(web);
  assert.equal(scopes.of(onOtherNetworks()), first, "its tokens are good on all of its networks");
  scopes.end(web);
  const second = scopes.of(web);
  assert.notEqual(second, first);
  assert.equal(scopes.of(onOtherNetworks()), second);
  scopes.end(onOtherNetworks());
  assert.equal(new Set([first, second, scopes.of(web)]).size, 3);
});

test("it ends for nobody else, the next life of the same container included", () => {
  const scopes = new TokenScopes();
  const others = [workload("other"), { ...web, startedAt: "2026-01-01T00:00:01Z" }];
  const before = others.map((other) => scopes.of(other));
  scopes.end(web);
  assert.deepEqual(
    others.map((other) => scopes.of(other)),
    before,
  );
});

test("of more lives than are kept no token is good again: everybody's end once", () => {
  const scopes = new TokenScopes();
  const bystander = workload("bystander");
  const ended = [web, bystander].map((of) => scopes.of(of));
  scopes.end(web);
  for (let i = 1; i < 10_000; i += 1) scopes.end(workload(`w${i}`));
  assert.equal(scopes.of(bystander), ended[1]);
  ended.push(scopes.of(web));
  scopes.end(workload("one-more"));
  const now = [web, bystander, workload("w7")].map((of) => scopes.of(of));
  assert.deepEqual(
    now.filter((scope) => ended.includes(scope)),
    [],
  );
  scopes.end(workload("yet-another"));
  assert.deepEqual(
    now,
    [web, bystander, workload("w7")].map((of) => scopes.of(of)),
    "and then not again for as many more",
  );
});
