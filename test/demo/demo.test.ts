import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ACTORS } from "../../src/demo/cast.ts";
import { tellIdentity, tellTheft } from "../../src/demo/story.ts";
import { EXECUTABLE, FROM_SOURCE, Running, run } from "../support/program.ts";

const [web, , , plain] = ACTORS;

for (const [name, program] of [
  ["the executable", EXECUTABLE],
  ["from source", FROM_SOURCE],
] as const) {
  describe(`taskrole demo, ${name}`, () => {
    it("shows each workload as the role AWS knows it by, the fourth as nobody, and the thief with nothing", async () => {
      const { code, stdout, stderr } = await run(["demo"], { program });
      assert.equal(code, 0, stdout + stderr);
      assert.equal(stderr, "");
      for (const arn of [
        "arn:aws:sts::111122223333:assumed-role/web-reader/web-",
        "arn:aws:sts::111122223333:assumed-role/reports-writer/reports-",
        "arn:aws:sts::444455556666:assumed-role/deployer/ci-",
      ]) {
        assert.ok(stdout.includes(arn), stdout);
      }
      assert.match(stdout, /plain .* nobody: /);
      assert.match(stdout, /thief .* nothing, in \d{3} attempts/);
    });
  });
}

describe("taskrole demo --keep", () => {
  it("stays, and what it says to try by curl works", async () => {
    const demo = new Running(["demo", "--keep"]);
    await demo.says(/Ctrl-C ends it/);
    const url = /(http:\/\/127\.0\.0\.11:\d+)\/latest\/api\/token/.exec(demo.stdout)?.[1] ?? assert.fail(demo.stdout);
    const headers = { "X-aws-ec2-metadata-token-ttl-seconds": "300" };
    const token = await (await fetch(`${url}/latest/api/token`, { method: "PUT", headers })).text();
    const list = await fetch(`${url}/latest/meta-data/iam/security-credentials/`, {
      headers: { "X-aws-ec2-metadata-token": token },
    });
    assert.equal(await list.text(), "web-reader");
    demo.signal("SIGINT");
    assert.equal((await demo.ended()).code, 0);
  });
});

describe("the story", () => {
  const lines: string[] = [];
  const say = (line = "") => void lines.push(line);

  it("does not take a wrong identity for a right one", () => {
    const other = { arn: "arn:aws:sts::111122223333:assumed-role/deployer/ci-1" };
    assert.ok(web && plain);
    assert.equal(tellIdentity(say, web, other), false);
    assert.equal(tellIdentity(say, web, { none: "no" }), false);
    assert.equal(tellIdentity(say, plain, other), false);
    assert.equal(tellIdentity(say, plain, { none: "no" }), true);
  });

  it("shows a theft, and does not take a thief who never ran for a beaten one", () => {
    assert.ok(plain);
    assert.equal(tellTheft(say, plain, { attempts: 3, stolen: ["GET /x HTTP/1.0"] }), false);
    assert.equal(tellTheft(say, plain, { attempts: 0, stolen: [] }), false);
    assert.equal(tellTheft(say, plain, { attempts: 3, stolen: [] }), true);
    assert.match(lines.join("\n"), /STOLE the host's credentials: GET \/x/);
  });
});
