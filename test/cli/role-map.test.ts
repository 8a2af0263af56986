import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { RawClient, type RawResponse } from "../http/raw-client.ts";
import { type Host, startHost } from "../support/host.ts";
import { run } from "../support/program.ts";
import { type RecordingSts, recordingSts } from "../support/recording-sts.ts";

const ROLES = "/latest/meta-data/iam/security-credentials/";
/** In no network of the Engine's. */
const VM = "127.60.0.7";
const CONTAINER = "127.50.0.2";
const ARN = "arn:aws:iam::111122223333:role";

describe("workloads that no engine knows", () => {
  let [folder, file] = ["", ""];
  let sts: RecordingSts;
  let host: Host;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "taskrole-role-map-"));
    file = join(folder, "roles.yaml");
  });
  afterEach(async () => {
    await host?.[Symbol.asyncDispose]();
    await sts?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(map: string, settings: object = {}, more: Readonly<Record<string, string>> = {}): Promise<void> {
    writeFileSync(file, map);
    sts = await recordingSts();
    const config = join(folder, "config.yaml");
    writeFileSync(config, JSON.stringify({ roleMapFile: file, ...settings }));
    const flags = { config, "metadata-tokens": "optional", "sts-endpoint": sts.url, ...more };
    host = await startHost({ containers: { web: { address: CONTAINER, labels: { "taskrole.role": "web" } } }, flags });
  }

  const send = (address: string, head: string): Promise<RawResponse> =>
    new RawClient(host.port, address).send(`${head}Connection: close\r\n\r\n`).response();
  const get = (address: string, path = ROLES, header = "") => send(address, `GET ${path} HTTP/1.1\r\n${header}`);
  const answerTo = async (address: string) => {
    const { status, body } = await get(address);
    return status === 200 ? body : status;
  };
  /** Once the host's own account is known. */
  async function roleOf(address: string) {
    for (const until = performance.now() + 8_000; performance.now() < until; await delay(20)) {
      const answer = await answerTo(address);
      if (answer !== 503) return answer;
    }
    return 503;
  }
  /** As deployment tools do it: a new file takes the old one's place. */
  const replace = (map: string): void => {
    writeFileSync(`${file}.new`, map);
    renameSync(`${file}.new`, file);
  };

  it("have the role and the session that the map says, and containers theirs, whatever it says of their addresses", async () => {
    await start(`
- { address: ${CONTAINER}, role: wrong }
- { address: 127.50.0.0/16, role: wrong }
- address: 127.60.0.0/24
  name: vm
  role: team/vm
  externalId: xyz
  sessionTags: { kind: vm }
`);
    assert.deepEqual([await roleOf(VM), await roleOf(CONTAINER), await roleOf("127.50.0.9")], ["vm", "web", 403]);
    assert.equal((await get(VM, `${ROLES}vm`)).status, 200);
    const { RoleSessionName, ...asked } = sts.asked.find(({ RoleArn }) => RoleArn?.endsWith("/vm")) ?? assert.fail();
    assert.match(RoleSessionName ?? "", /^vm-[0-9a-f]{12}$/);
    assert.deepEqual(asked, {
      RoleArn: `${ARN}/team/vm`,
      DurationSeconds: "3600",
      ExternalId: "xyz",
      "Tags.member.1.Key": "kind",
      "Tags.member.1.Value": "vm",
    });
    assert.ok(sts.asked.every(({ RoleArn }) => RoleArn !== `${ARN}/wrong`));
    const audit = await host.taskrole.says(/\{[^\n]*"audit":"credentials"[^\n]*team\/vm[^\n]*\}/);
    assert.equal((JSON.parse(audit[0]) as { roleFrom: string }).roleFrom, `role in ${file}:4`);
  });

  it("need no Docker", async () => {
    await start(`${VM}: vm\n127.60.0.8: other\n`, {}, { "docker-endpoint": "unix:///nowhere/docker.sock" });
    assert.deepEqual([await roleOf(VM), await answerTo(CONTAINER)], ["vm", 503]);
  });

  it("are judged by the rules, too", async () => {
    const roleRules = [{ match: { name: "vm-*" }, allow: ["arn:aws:iam::*:role/vms/*"] }];
    await start(`${VM}: { name: vm-1, role: vms/a }\n127.60.0.8: { name: vm-2, role: b }\n`, { roleRules });
    assert.deepEqual([await roleOf(VM), await roleOf("127.60.0.8"), await roleOf("127.60.0.9")], ["a", 404, 403]);
  });

  it("have another role as soon as the file says so, and then their former tokens are worth nothing", async () => {
    await start(`${VM}: before\n127.60.0.8: same\n`);
    const ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n";
    const tokens = await Promise.all(
      [VM, "127.60.0.8"].map(async (address) => (await send(address, `PUT /latest/api/token HTTP/1.1\r\n${ttl}`)).body),
    );
    const withToken = (address: string, token = "") => get(address, ROLES, `X-aws-ec2-metadata-token: ${token}\r\n`);
    assert.deepEqual([(await withToken(VM, tokens[0])).status, await roleOf(VM)], [200, "before"]);
    const open = connect({ port: host.port, host: "127.0.0.1", localAddress: VM });
    const ask = async (): Promise<string> => {
      open.write(`GET ${ROLES} HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n`);
      return String((await once(open, "data"))[0]).replace(/^[\s\S]*\r\n\r\n/, "");
    };
    assert.equal(await ask(), "before");
    replace(`# moved by a line\n127.60.0.8: same\n${VM}: after\n`);
    for (const until = performance.now() + 8_000; (await roleOf(VM)) !== "after"; await delay(50))
      assert.ok(performance.now() < until, "the map is read again");
    assert.equal(await ask(), "after", "a connection that stayed open is judged by the new map, too");
    open.destroy();
    assert.equal((await withToken(VM, tokens[0])).status, 401);
    assert.equal((await withToken("127.60.0.8", tokens[1])).status, 200);
  });

  it("keep theirs when the file is broken or gone, which is said with its line", async () => {
    await start(`${VM}: before\n`);
    assert.equal(await roleOf(VM), "before");
    replace(`${VM}: after\n127.60.0.8: no role\n`);
    await host.taskrole.says(/"problems":\["[^"]*roles\.yaml:2: role is no role:.*the one in force stays/);
    assert.equal(await roleOf(VM), "before");
    replace(`${VM}: *after\n`);
    await host.taskrole.says(
      /"problems":\["[^"]*roles\.yaml:1: is not YAML: there is no &after.*the one in force stays/,
    );
    assert.equal(await roleOf(VM), "before");
    rmSync(file);
    await host.taskrole.says(/roles\.yaml: the role map cannot be read \(ENOENT\)/);
    assert.equal(await roleOf(VM), "before");
    replace(`${VM}: after\n`);
    for (const until = performance.now() + 8_000; (await roleOf(VM)) !== "after"; await delay(50))
      assert.ok(performance.now() < until, "the mended map is read");
  });

  it("a reload reads it at once, and refuses a broken one with everything else", async () => {
    const socket = join(folder, "admin.sock");
    await start(`${VM}: before\n`, { adminSocket: socket });
    assert.equal(await roleOf(VM), "before");
    replace(`${VM}: [\n`);
    const refused = await run(["reload", "--admin-socket", socket]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /roles\.yaml:\d: is not YAML/);
    replace(`${VM}: after\n`);
    assert.equal((await run(["reload", "--admin-socket", socket])).code, 0);
    assert.equal(await roleOf(VM), "after");
  });
});

describe("a role map that cannot be used at the start", () => {
  for (const [what, path, pattern] of [
    [
      "is not there",
      "/nonexistent/roles.yaml",
      /roles\.yaml: the role map cannot be read \(ENOENT\): see the setting roleMapFile/,
    ],
    [
      "has no whole path",
      "roles.yaml",
      /flag --role-map-file: roleMapFile must be an absolute path; it is "roles.yaml"/,
    ],
  ] as const)
    it(`${what}: nothing starts, and the place is named`, async () => {
      for (const command of ["check-config", "serve"]) {
        const { code, stderr } = await run([command, "--config", "/dev/null", "--role-map-file", path]);
        assert.equal(code, 2);
        assert.match(stderr, pattern);
      }
    });
});
