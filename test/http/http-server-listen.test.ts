import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { HttpServer } from "../../src/http/http-server.ts";
import { RawClient } from "./raw-client.ts";
import { echo } from "./serving.ts";

const LIMIT = { timeout: 20_000 };
const run = promisify(execFile);

/** A program that listens as told, prints where, answers, and stops after a second. */
const program = (target: string): string => `
  const { HttpServer } = await import(${JSON.stringify(new URL("../../src/http/http-server.ts", import.meta.url).href)});
  const handle = async () => ({ status: 200, headers: [], body: "served" });
  const server = new HttpServer({ now: () => Date.now(), handle });
  await server.listen(${target});
  console.log(JSON.stringify(server.address()));
  setTimeout(() => server.close({ graceMs: 100 }), 1000);`;

const node = (target: string): string[] => [process.execPath, "--input-type=module", "-e", program(target)];

async function isMissing(t: TestContext, command: string, args: readonly string[]): Promise<boolean> {
  const works = await run(command, [...args]).then(
    () => true,
    () => false,
  );
  if (works) return false;
  assert.notEqual(process.env["REQUIRE_ALL"], "1", `${command} is missing`);
  t.skip(`needs ${command}`);
  return true;
}

async function freePort(): Promise<number> {
  const server: Server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  server.close();
  return port;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

test("serves on a socket that is handed to it already listening, as systemd does", LIMIT, async (t) => {
  if (await isMissing(t, "systemd-socket-activate", ["--version"])) return;
  const port = await freePort();
  const args = ["-l", `127.0.0.1:${port}`, ...node("{ fd: 3 }")];
  const child = spawn("systemd-socket-activate", args, { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill());
  await once(createInterface({ input: child.stderr }), "line"); // "Listening on …"
  const client = new RawClient(port).send("GET / HTTP/1.1\r\n\r\n");
  assert.equal((await client.response()).body, "served");
  client.close();
  await once(child, "exit");
});

/** Runs a program for which the kernel has no IPv6: a seccomp filter makes socket(AF_INET6) fail with EAFNOSUPPORT. */
const WITHOUT_IPV6 = `
import ctypes, os, struct, sys
rules = [(0x20,0,0,0), (0x15,0,3,41), (0x20,0,0,16), (0x15,0,1,10), (6,0,0,0x50000|97), (6,0,0,0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
class Program(ctypes.Structure): _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(rules), ctypes.addressof(code))), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])`;

test("listens on every IPv4 address where there is no IPv6", LIMIT, async (t) => {
  if (process.arch !== "x64") {
    t.skip("the filter is written in x86-64's system call numbers");
    return;
  }
  if (await isMissing(t, "python3", ["-c", "import ctypes"])) return;
  const { stdout } = await run("python3", ["-c", WITHOUT_IPV6, ...node("{ port: 0 }")]);
  assert.match(stdout, /^{"host":"0.0.0.0","port":[1-9]\d*}\n$/);
});

test("a port that is taken on IPv6 is not served on IPv4 alone instead", LIMIT, async (t) => {
  const other = createServer().listen({ host: "::", ipv6Only: true, port: 0 });
  await once(other, "listening");
  t.after(() => other.close());
  const server = new HttpServer({ now: () => Date.now(), handle: echo });
  await assert.rejects(server.listen({ port: portOf(other) }), { code: "EADDRINUSE" });
  assert.equal(server.address(), undefined);
});
