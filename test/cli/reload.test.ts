import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { freePort } from "../../bench/programs.ts";
import { type MockEc2Event, startMockEc2 } from "../../src/mock-ec2/mock-ec2.ts";
import { RawClient } from "../http/raw-client.ts";
import { type Host, type HostOptions, startHost } from "../support/host.ts";
import { EXECUTABLE, FROM_SOURCE, Running, run } from "../support/program.ts";

const ADDRESS = "127.50.0.2";
const ROLES = "/latest/meta-data/iam/security-credentials/";

interface Reloadable {
  readonly host: Host;
  readonly file: string;
  readonly socket: string;
  readonly directory: string;
  write(settings: string): void;
  reload(...args: readonly string[]): ReturnType<typeof run>;
}

/** A host whose one container names no role, so that the file alone decides what it is. */
async function reloadable(t: TestContext, settings: string, given: Partial<HostOptions> = {}): Promise<Reloadable> {
  const { program = EXECUTABLE } = given;
  const directory = mkdtempSync(join(tmpdir(), "taskrole-reload-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "config.yaml");
  const write = (text: string) => writeFileSync(file, text);
  write(settings);
  const flags = { config: file, "runtime-directory": directory, ...given.flags };
  const host = await startHost({ ...given, containers: { web: { address: ADDRESS } }, flags });
  t.after(() => host[Symbol.asyncDispose]());
  const socket = join(directory, "admin.sock");
  const reload = (...args: readonly string[]) =>
    run(["reload", "--runtime-directory", directory, ...args], { program });
  return { host, file, socket, directory, write, reload };
}

/** One connection for all that it asks. */
class Asker {
  readonly #host: Host;
  #client: RawClient;

  constructor(host: Host) {
    this.#host = host;
    this.#client = new RawClient(host.port, ADDRESS);
  }

  reconnect(): void {
    this.#client = new RawClient(this.#host.port, ADDRESS);
  }

  async ask(path = ROLES): Promise<string> {
    this.#client.send(`GET ${path} HTTP/1.1\r\n\r\n`);
    const { status, body } = await this.#client.response();
    return status === 200 ? body : String(status);
  }

  close(): void {
    this.#client.close();
  }
}

/** Asks again while STS has not answered yet: on a machine with much to do that takes longer than a request waits. */
async function eventually(asker: Asker, path: string): Promise<string> {
  for (;;) {
    const answer = await asker.ask(path);
    if (answer !== "503") return answer;
    asker.reconnect();
  }
}

const OPTIONAL = "metadataTokens: optional\n";

for (const [name, program] of [
  ["the executable", EXECUTABLE],
  ["from source", FROM_SOURCE],
] as const) {
  describe(`taskrole reload, ${name}`, () => {
    it("changes who has which role at the next request, on the same connection, and names what it changed", async (t) => {
      const { host, write, reload } = await reloadable(t, `${OPTIONAL}defaultRole: old\n`, { program });
      const asker = new Asker(host);
      assert.equal(await asker.ask(), "old");
      write(`${OPTIONAL}defaultRole: new\nsessionSeconds: 900\nlisten: "127.0.0.1:9"\n`);
      const { code, stdout, stderr } = await reload();
      assert.deepEqual([code, stderr], [0, ""]);
      assert.equal(stdout, "In force now: defaultRole, sessionSeconds\n");
      assert.equal(await asker.ask(), "new");
      const { Code, Expiration } = JSON.parse(await eventually(asker, `${ROLES}new`));
      assert.equal(Code, "Success");
      assert.ok(Date.parse(Expiration) - Date.now() <= 900_000);
      assert.equal((await reload()).stdout, "Nothing has changed.\n");
      asker.close();
    });

    it("leaves everything as it is when the file is wrong, and says every mistake with its place", async (t) => {
      const { host, file, write, reload } = await reloadable(t, `${OPTIONAL}defaultRole: old\n`, { program });
      write(`defaultRole: new\nregoin: x\nlogLevel: loud\n`);
      const { code, stdout, stderr } = await reload();
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, new RegExp(`${file}:2: there is no setting "regoin"; did you mean "region"`));
      assert.match(stderr, new RegExp(`${file}:3: logLevel must be one of`));
      assert.match(stderr, /nothing was changed/);
      assert.equal(await new Asker(host).ask(), "old");
      const told = host.taskrole.lines().find(({ msg }) => String(msg).startsWith("not reloaded"));
      assert.equal(Object(told)["problems"].length, 2);
    });
  });
}

describe("a reload", () => {
  it("names the settings that wait for a restart, and applies the others", async (t) => {
    const { write, reload } = await reloadable(t, OPTIONAL);
    write(
      `${OPTIONAL}guardedUplinks: [eth0]\ncontainerCredentials: "off"\nlogFormat: text\naccounts: { prod: "444455556666" }\n`,
    );
    const { code, stdout } = await reload();
    assert.equal(code, 0);
    assert.equal(
      stdout,
      "In force now: accounts\nOnly with a restart: guardedUplinks, containerCredentials, logFormat\n",
    );
  });

  it("says why a template waits that names a variable which is not read of containers", async (t) => {
    const { host, write, reload } = await reloadable(t, OPTIONAL);
    write(`${OPTIONAL}sessionName: "{env:STAGE}"\n`);
    const why = "sessionName names {env:STAGE}: which variables are read of containers is settled at the start";
    assert.equal((await reload()).stdout, `Only with a restart: sessionName\n${why}\n`);
    await host.taskrole.says(/"because":\["sessionName names \{env:STAGE\}/);
  });

  it("takes effect in everything that is asked of a request: tokens, paths, the endpoint's token, the log", async (t) => {
    const { host, write, reload } = await reloadable(t, "defaultRole: old\n");
    assert.equal(await new Asker(host).ask(), "401");
    write(
      `${OPTIONAL}defaultRole: old\nlogLevel: debug\ncontainerCredentials: token\nmetadataPaths: { deny: [meta-data/placement] }\n`,
    );
    assert.equal((await reload()).code, 0);
    const asker = new Asker(host);
    assert.equal(await asker.ask(), "old");
    assert.equal(await new Asker(host).ask("/latest/meta-data/placement/region"), "404");
    assert.equal(await new Asker(host).ask("/v1/credentials"), "401");
    await host.taskrole.says(/"level":"debug".*"msg":"request"/);
  });

  it("sends the calls to STS to another place, and keeps what is in hand", async (t) => {
    const asked: string[] = [];
    const onRequest = ({ action }: MockEc2Event) => action === "AssumeRole" && asked.push(action);
    const other = await startMockEc2({ seed: "one", onRequest });
    t.after(() => other.close());
    const settings = `${OPTIONAL}stsEndpoint: ${other.stsUrl}\n`;
    const { host, write, reload } = await reloadable(t, `${settings}defaultRole: old\n`, {
      ec2: { seed: "one" },
      flags: { "sts-endpoint": undefined },
    });
    await eventually(new Asker(host), `${ROLES}old`);
    write(`${OPTIONAL}stsEndpoint: ${host.ec2.stsUrl}\ndefaultRole: old\n`);
    assert.equal((await reload()).stdout, "In force now: stsEndpoint\n");
    assert.match(await new Asker(host).ask(`${ROLES}old`), /Success/);
    write(`${OPTIONAL}stsEndpoint: ${host.ec2.stsUrl}\ndefaultRole: new\n`);
    assert.equal((await reload()).stdout, "In force now: defaultRole\n");
    await eventually(new Asker(host), `${ROLES}new`);
    assert.equal(asked.length, 1, "the former is not asked any more");
  });

  it("happens at SIGHUP as well, and the log says what came of it", async (t) => {
    const { host, write } = await reloadable(t, `${OPTIONAL}defaultRole: old\n`);
    write(`${OPTIONAL}defaultRole: new\n`);
    host.taskrole.signal("SIGHUP");
    await host.taskrole.says(/"applied":\["defaultRole"\],"needsRestart":\[\],"msg":"reloaded"/);
    assert.equal(await new Asker(host).ask(), "new");
    write("x: y\n");
    host.taskrole.signal("SIGHUP");
    await host.taskrole.says(/"problems":\[".*there is no setting \\"x\\".*"msg":"not reloaded/);
    assert.equal(await new Asker(host).ask(), "new");
  });

  it("does not end a daemon that is only starting: SIGHUP waits", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "taskrole-hup-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const args = ["serve", "--listen", "127.0.0.1:0", "--interception", "none", "--runtime-directory", directory];
    const serve = new Running([
      ...args,
      "--docker-endpoint",
      "unix:///nonexistent",
      "--metadata-url",
      "http://127.0.0.1:9",
    ]);
    t.after(() => serve.kill());
    await serve.says(/interception/); // the first of its parts has said its word
    serve.signal("SIGHUP");
    await serve.says(/"msg":"reloaded"/);
  });

  it("finds the daemon by its file, though the file is wrong by now", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "taskrole-elsewhere-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const socket = join(directory, "other.sock");
    const { file, write } = await reloadable(t, `adminSocket: ${socket}\n`);
    assert.equal((await run(["reload", "--config", file])).code, 0);
    assert.equal((await run(["reload", "--admin-socket", socket])).code, 0);
    write(`adminSocket: ${socket}\nx: y\n`);
    const { code, stderr } = await run(["reload", "--config", file]);
    assert.equal(code, 2);
    assert.match(stderr, /there is no setting "x"/);
  });

  it("without a daemon ends with 1, names the socket and says what to do", async () => {
    const { code, stderr } = await run(["reload", "--admin-socket", "/nonexistent/admin.sock"]);
    assert.equal(code, 1);
    assert.match(stderr, /no daemon answers at \/nonexistent\/admin\.sock \(ENOENT\): is `taskrole serve` running\?/);
  });
});

describe("the admin socket", () => {
  it("is its owner's and its directory's group's, replaced after a kill, and gone after a stop", async (t) => {
    const { host, socket, reload } = await reloadable(t, OPTIONAL);
    assert.equal(statSync(socket).mode & 0o777, 0o660);
    host.taskrole.signal("SIGKILL");
    await host.taskrole.ended();
    assert.ok(existsSync(socket));
    assert.match((await reload()).stderr, /ECONNREFUSED/);
    await host.restart("SIGKILL");
    assert.equal((await reload()).code, 0);
    host.taskrole.signal("SIGTERM");
    await host.taskrole.ended();
    assert.ok(!existsSync(socket));
  });

  it("tells a second daemon that it is the second, before it touches anything, and goes on being the first's", async (t) => {
    const { directory, reload } = await reloadable(t, OPTIONAL);
    const args = ["serve", "--interception", "none", "--listen", "127.0.0.1:0", "--runtime-directory", directory];
    const { code, stderr, stdout } = await run(args);
    assert.equal(code, 1);
    assert.match(stderr, /another taskrole answers at .*admin\.sock: stop it first/);
    assert.ok(!stdout.includes('"msg":"interception"'));
    assert.equal((await reload()).code, 0);
  });

  it("is done without where it cannot be made: a warning, and containers are served", async (t) => {
    const { host, file, write } = await reloadable(t, OPTIONAL);
    write(`${OPTIONAL}adminSocket: ${file}\n`);
    await host.restart();
    await host.taskrole.says(/config\.yaml is there, and no socket.*there is no admin socket/);
    assert.equal(await new Asker(host).ask(), "404");
  });

  for (const [name, program] of [
    ["the executable", EXECUTABLE],
    ["from source", FROM_SOURCE],
  ] as const) {
    it(`may be systemd's, beside the other: ${name}`, async (t) => {
      try {
        execFileSync("systemd-socket-activate", ["--version"], { stdio: "ignore" });
      } catch {
        return t.skip("needs systemd-socket-activate (Debian: systemd), to be given a socket by systemd's own hand");
      }
      const directory = mkdtempSync(join(tmpdir(), "taskrole-given-"));
      t.after(() => rmSync(directory, { recursive: true, force: true }));
      const port = await freePort();
      const socket = join(directory, "given.sock");
      const activate = [
        "systemd-socket-activate",
        "-l",
        `127.0.0.1:${port}`,
        "-l",
        socket,
        "--fdname=metadata:admin",
        ...program,
      ];
      const args = [
        "serve",
        "--interception",
        "none",
        "--runtime-directory",
        directory,
        "--docker-endpoint",
        "unix:///x",
      ];
      const life = new Running([...args, "--metadata-url", "http://127.0.0.1:9"], { program: activate });
      t.after(() => life.kill());
      await life.complains(/Listening on .*given\.sock/);
      const { code, stdout } = await run(["reload", "--admin-socket", socket], { program });
      assert.deepEqual([code, stdout], [0, "Nothing has changed.\n"]);
      assert.ok(!existsSync(join(directory, "admin.sock")));
      life.signal("SIGTERM");
      assert.equal((await life.ended()).code, 0);
      assert.ok(existsSync(socket), "it is not the daemon's to take away");
    });
  }
});
