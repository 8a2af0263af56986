import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, describe, it, type TestContext } from "node:test";
import { freePort } from "../../bench/programs.ts";
import { RawClient } from "../http/raw-client.ts";
import { allConnectWhileItIsBusy } from "../support/crowd-of-connections.ts";
import { type Host, startHost } from "../support/host.ts";
import { EXECUTABLE, FROM_SOURCE, Running } from "../support/program.ts";

const ADDRESS = "127.50.0.2";
const ROLES = "/latest/meta-data/iam/security-credentials/";

function lacksSystemd(t: TestContext): boolean {
  try {
    execFileSync("systemd-socket-activate", ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    t.skip("needs systemd-socket-activate (Debian: systemd), to be given a socket by systemd's own hand");
    return true;
  }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`;

/** A host whose daemon is begun by the first connection; that one waits for its answer while the daemon starts. */
async function activatedHost(listen: string, program: readonly string[]): Promise<{ host: Host; first: RawClient }> {
  const port = Number(/\d+$/.exec(listen)?.[0]);
  let first: RawClient | undefined;
  const start = async (args: readonly string[]): Promise<Running> => {
    const activate = ["systemd-socket-activate", "-l", listen, "--fdname=metadata", ...program];
    const life = new Running(args, { program: activate });
    await life.complains(/Listening on/);
    first = new RawClient(port, ADDRESS).send(get(`${ROLES}web`));
    return life;
  };
  const host = await startHost({
    containers: { web: { address: ADDRESS, labels: { "taskrole.role": "web" } } },
    flags: { "metadata-tokens": "optional", listen: "127.0.0.1:1" }, // where nobody could listen by himself
    starter: { listen, start },
  });
  if (!first) throw new Error("nobody started the daemon");
  return { host, first };
}

for (const [name, program] of [
  ["the executable", EXECUTABLE],
  ["from source", FROM_SOURCE],
] as const) {
  describe(`taskrole serve on a socket of systemd's, ${name}`, () => {
    for (const at of ["127.0.0.1", "[::]"]) {
      it(`serves on ${at}, and who connected before it ran has its credentials`, async (t) => {
        if (lacksSystemd(t)) return;
        const port = await freePort();
        const { host, first } = await activatedHost(`${at}:${port}`, program);
        after(() => host[Symbol.asyncDispose]());
        assert.equal(host.port, port);
        const { status, body } = await first.response();
        assert.equal(status, 200);
        assert.equal(JSON.parse(body).Code, "Success");
        const next = new RawClient(port, ADDRESS).send(get(ROLES));
        assert.equal((await next.response()).body, "web");
        assert.equal(host.taskrole.lines().find(({ msg }) => msg === "listening")?.["heldBySystemd"], true);
        await allConnectWhileItIsBusy(port, host.taskrole);
      });
    }
  });
}

describe("taskrole serve with sockets of systemd's that are of no use", () => {
  const rows = [
    ["a datagram socket", ["-d", "-l", "127.0.0.1:PORT"], /no listening stream socket/],
    ["two for the same surface", ["-l", "127.0.0.1:PORT", "-l", "[::1]:PORT"], /2 sockets for the metadata surface/],
  ] as const;
  for (const [what, flags, message] of rows) {
    it(`ends with 1 and what is wrong: ${what}`, async (t) => {
      if (lacksSystemd(t)) return;
      const port = await freePort();
      const given = flags.map((flag) => flag.replace("PORT", String(port)));
      const program = ["systemd-socket-activate", ...given, ...EXECUTABLE];
      const life = new Running(["serve", "--interception", "none", "--runtime-directory", "/nonexistent"], { program });
      after(() => life.kill());
      await life.complains(/Listening on/);
      await knock(port, what === "a datagram socket");
      const { code, stderr } = await life.ended();
      assert.equal(code, 1);
      assert.match(stderr, message);
    });
  }
});

async function knock(port: number, byDatagram: boolean): Promise<void> {
  if (!byDatagram) return void (await RawClient.connected(port));
  const { createSocket } = await import("node:dgram");
  const socket = createSocket("udp4");
  socket.send("x", port, "127.0.0.1", () => socket.close());
}
