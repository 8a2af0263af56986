import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { EXECUTABLE, FROM_SOURCE, Running } from "../support/program.ts";

/** Listens as systemd does, and says who sent what: the kernel's word, not the sender's. */
const LISTENER = `
import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
path = sys.argv[1]
s.bind("\\0" + path[1:] if path[0] == "@" else path)
print("listening", flush=True)
while True:
    data, ancillary, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(12))
    pid = struct.unpack("iii", ancillary[0][2])[0]
    print(pid, data.decode().replace("\\n", " | "), flush=True)
`;

function lacksPython(t: TestContext): boolean {
  try {
    execFileSync("python3", ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    t.skip("needs python3, to listen as systemd does (Node has no unix datagrams)");
    return true;
  }
}

interface World {
  readonly systemd: Running;
  readonly daemon: Running;
  readonly file: string;
}

async function started(t: TestContext, program: readonly string[], path?: string): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "taskrole-notify-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const address = path ?? join(folder, "notify");
  const systemd = new Running([LISTENER, address], { program: ["python3", "-c"] });
  t.after(() => systemd.kill());
  await systemd.says(/listening/);
  const file = join(folder, "config.yaml");
  writeFileSync(file, "");
  const flags = ["--config", file, "--listen", "127.0.0.1:0", "--interception", "none", "--runtime-directory", folder];
  const elsewhere = ["--metadata-url", "http://127.0.0.1:1", "--docker-endpoint", `unix://${folder}/no.sock`];
  const env = { NOTIFY_SOCKET: address, WATCHDOG_USEC: "400000" };
  const daemon = new Running(["serve", ...flags, ...elsewhere], { program, env });
  t.after(() => daemon.kill());
  return { systemd, daemon, file };
}

for (const [name, program] of [
  ["the executable", EXECUTABLE],
  ["from source", FROM_SOURCE],
] as const) {
  describe(`taskrole serve under systemd's eyes, ${name}`, () => {
    it("says when it is ready, that it lives, that it reads its settings again, and that it stops", async (t) => {
      if (lacksPython(t)) return;
      const { systemd, daemon } = await started(t, program);
      await systemd.says(/ READY=1 \| STATUS=each container has its own role/);
      await daemon.says(/"msg":"listening"/, 500);
      await systemd.says(/ WATCHDOG=1/);
      daemon.signal("SIGHUP");
      await systemd.says(/ RELOADING=1\n(?:.* WATCHDOG=1\n)*.* READY=1 /);
      daemon.signal("SIGTERM");
      await systemd.says(/ STOPPING=1 \| STATUS=/);
      assert.equal((await daemon.ended()).code, 0);
    });
  });
}

describe("taskrole serve under systemd's eyes", () => {
  it("speaks for itself: NotifyAccess=main is enough for the executable", async (t) => {
    if (lacksPython(t)) return;
    const { systemd, daemon } = await started(t, EXECUTABLE, `@taskrole-test-${process.pid}`);
    const [, pid] = await systemd.says(/^(\d+) READY=1/m);
    assert.equal(Number(pid), daemon.pid);
  });

  it("feeds no watchdog while it hangs", async (t) => {
    if (lacksPython(t)) return;
    const { systemd, daemon } = await started(t, EXECUTABLE);
    await systemd.says(/ WATCHDOG=1/);
    daemon.signal("SIGSTOP");
    const fed = () => systemd.stdout.split("WATCHDOG=1").length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = fed();
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.equal(fed(), before);
    daemon.signal("SIGCONT");
  });

  it("has systemd show why it cannot start", async (t) => {
    if (lacksPython(t)) return;
    const { systemd, daemon } = await started(t, ["sh", "-c", 'exec "$0" "$@" --listen 192.0.2.1:1', ...EXECUTABLE]);
    await systemd.says(/ STATUS=cannot start: cannot listen on 192\.0\.2\.1:1/);
    assert.equal((await daemon.ended()).code, 1);
    assert.doesNotMatch(systemd.stdout, /READY=1/);
  });
});
