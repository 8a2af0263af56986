import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import manifest from "../../package.json" with { type: "json" };
import { flagOf, OPTION_NAMES } from "../../src/app/options.ts";
import { EXECUTABLE, FROM_SOURCE, Running, run } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-cli-"));
after(() => rmSync(folder, { recursive: true }));

const asNobody = ["setpriv", "--reuid", "65534", "--clear-groups", "--inh-caps", "-all", "--bounding-set", "-all"];

for (const [name, program, origin] of [
  ["the executable", EXECUTABLE, /\(commit (?:[0-9a-f]{7}(?: with changes)?|unknown), bun [\d.]+\)/],
  ["from source", FROM_SOURCE, /\(source, node [\d.]+\)/],
] as const) {
  describe(`taskrole, ${name}`, () => {
    it("tells its version, what it was made of and its runtime", async () => {
      const { code, stdout } = await run(["--version"], { program });
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^taskrole ${manifest.version.replaceAll(".", "\\.")} ${origin.source}\n$`));
    });

    it("has the same help for `help COMMAND` as for `COMMAND --help`", async () => {
      const [asked, flagged] = await Promise.all([
        run(["help", "serve"], { program }),
        run(["serve", "--help"], { program }),
      ]);
      assert.equal(asked.stdout, flagged.stdout);
      assert.match(asked.stdout, /--listen/);
    });

    it("runs no program and takes no setting that lies in the folder it is started in", async () => {
      const strange = mkdtempSync(join(folder, "strange-"));
      writeFileSync(join(strange, ".env"), "TASKROLE_LISTEN=127.0.0.1:1111\n");
      writeFileSync(join(strange, "bunfig.toml"), 'preload = ["./intruder.ts"]\n');
      writeFileSync(join(strange, "intruder.ts"), 'console.log("an intruder ran");\n');
      const { code, stdout } = await run(["check-config"], { program, folder: strange });
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, /intruder|1111/);
      assert.match(stdout, /^listen: "\[::\]:9254"/);
    });

    it("shows its commands, and not what is for itself alone", async () => {
      const { code, stdout } = await run(["--help"], { program });
      assert.equal(code, 0);
      for (const command of [
        "serve",
        "reload",
        "health",
        "demo",
        "mock-ec2",
        "interception",
        "check-config",
        "iam",
        "smoke",
        "completion",
        "man",
      ])
        assert.match(stdout, new RegExp(`^ +${command} `, "m"));
      for (const hidden of ["demo-workload", "smoke-probe"]) assert.ok(!stdout.includes(hidden));
    });

    it("ends with 2 and a suggestion at a wrong word", async () => {
      const command = await run(["serv"], { program });
      assert.equal(command.code, 2);
      assert.match(command.stderr, /serve/);
      const flag = await run(["serve", "--lissten", "x"], { program });
      assert.equal(flag.code, 2);
      assert.match(flag.stderr, /--listen/);
    });
  });
}

describe("taskrole serve", () => {
  it("has every setting in its help, with its default", async () => {
    const { stdout } = await run(["serve", "--help"]);
    for (const name of OPTION_NAMES) assert.match(stdout, new RegExp(`--${flagOf(name)}\\b`));
    assert.match(stdout.replace(/\s+/g, " "), /default: "unix:\/\/\/var\/run\/docker\.sock"/);
  });

  it("says every mistake of the configuration, a line each, and ends with 2", async () => {
    const file = join(folder, "config.yaml");
    writeFileSync(file, "listen: x\nregoin: y\n");
    const { code, stderr } = await run(["serve", "--config", file], { env: { TASKROLE_MOCK: "perhaps" } });
    assert.equal(code, 2);
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.length, 3);
    assert.match(lines[1] ?? "", /config\.yaml:2: there is no setting "regoin"; did you mean "region"\?/);
  });

  it("says who may hold the port when it is in use, and ends with 1", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const { code, stderr } = await run(serveArgs(`127.0.0.1:${port}`));
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use.*setting listen`));
  });

  it("does not start where its rules would keep it from the real service itself: its own user among refusedUsers", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("needs root, to start it as somebody else");
    const args = ["serve", "--listen", "127.0.0.1:0", "--refused-users", '["1000", "65000-65534"]'];
    const { code, stderr } = await run(args, { program: [...asNobody, ...EXECUTABLE] });
    assert.equal(code, 1);
    assert.match(stderr, /refusedUsers holds the user 65534, whom taskrole runs as: leave that number out/);
  });

  it("does not start where it cannot intercept: without CAP_NET_ADMIN, or without nft", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("needs root, to start it as somebody else");
    const unprivileged = await run(["serve", "--listen", "127.0.0.1:0"], { program: [...asNobody, ...EXECUTABLE] });
    assert.equal(unprivileged.code, 1);
    assert.match(unprivileged.stderr, /CAP_NET_ADMIN/);
  });

  it("starts before Docker does, says so, and answers 403 or 503, never more", async () => {
    const serve = new Running(serveArgs("127.0.0.1:0"));
    after(() => serve.kill());
    const [, port] = await serve.says(/"port":(\d+)\},"msg":"listening"/);
    const [, reason] = await serve.says(/"reason":"([^"]+)".*not hearing of containers/);
    assert.match(reason ?? "", /no\.sock/);
    const response = await fetch(`http://127.0.0.1:${port}/latest/api/token`, { method: "PUT" });
    assert.equal(response.status, 503);
  });

  it("goes on answering when nobody reads its log", async () => {
    const port = await freePort();
    const [program = ""] = EXECUTABLE;
    const args = [...serveArgs(`127.0.0.1:${port}`), "--log-level", "debug"];
    const serve = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
    after(() => serve.kill("SIGKILL"));
    serve.stdout.pause();
    const ask = () => fetch(`http://127.0.0.1:${port}/${"x".repeat(4000)}`).then(({ status }) => status);
    while ((await ask().catch(() => 0)) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    for (let i = 0; i < 100; i += 1) assert.equal(await ask(), 503);
  });

  it("stops at SIGTERM, with 0, and says what stays", async () => {
    const serve = new Running([...serveArgs("127.0.0.1:0"), "--log-format", "text"]);
    await serve.says(/listening/);
    serve.signal("SIGTERM");
    const { code, stdout } = await serve.ended();
    assert.equal(code, 0);
    assert.match(stdout, /stopped; what routes the containers' requests here is not taskrole's/);
  });

  it("with mock: true has its own EC2", async () => {
    const serve = new Running([...serveArgs("127.0.0.1:0"), "--mock"]);
    after(() => serve.kill());
    await serve.says(/"region":"us-east-1","partition":"aws","accountId":"111122223333".*the host is known/);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Without packet rules and without Docker, on this machine's own network. */
const serveArgs = (listen: string): readonly string[] => [
  ...["serve", "--listen", listen, "--interception", "none", "--metadata-url", "http://127.0.0.1:1"],
  ...["--runtime-directory", mkdtempSync(join(folder, "run-")), "--docker-endpoint", `unix://${folder}/no.sock`],
];
