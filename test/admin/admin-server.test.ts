import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, existsSync, linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { askAdmin, NoAdminReply } from "../../src/admin/admin-client.ts";
import { type AdminRoute, AdminServer } from "../../src/admin/admin-server.ts";
import { isTooLong, occupantOf } from "../../src/admin/socket-file.ts";

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "taskrole-admin-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function serving(t: TestContext, routes: readonly AdminRoute[]) {
  const path = join(folder(t), "admin.sock");
  const errors: unknown[] = [];
  const server = new AdminServer({ routes, onError: (error) => errors.push(error) });
  await server.listen({ path });
  t.after(() => server.close());
  return { server, path, errors };
}

const GREETING: AdminRoute = { method: "GET", path: "/v1/x", answer: () => ({ status: 200, body: { hello: "you" } }) };

test("answers what its routes say, as JSON; an unknown path is 404, another method 405", async (t) => {
  const { path } = await serving(t, [GREETING]);
  assert.deepEqual(await askAdmin(path, { method: "GET", path: "/v1/x" }), { status: 200, body: { hello: "you" } });
  assert.deepEqual(await askAdmin(path, { method: "GET", path: "/v1/x?y" }), { status: 200, body: { hello: "you" } });
  assert.equal((await askAdmin(path, { method: "GET", path: "/v1" })).status, 404);
  assert.equal((await askAdmin(path, { method: "POST", path: "/v1/x" })).status, 405);
});

test("takes a body that nobody asked for, and answers", async (t) => {
  const { path } = await serving(t, [{ ...GREETING, method: "POST" }]);
  const status = await new Promise((resolve) => {
    const sent = request({ socketPath: path, method: "POST", path: "/v1/x" }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.end("x".repeat(100_000));
  });
  assert.equal(status, 200);
});

test("what escapes from a route is 500 without a word of it, and told", async (t) => {
  const bug = new Error("secret");
  const { path, errors } = await serving(t, [{ ...GREETING, answer: () => Promise.reject(bug) }]);
  const { status, body } = await askAdmin(path, { method: "GET", path: "/v1/x" });
  assert.equal(status, 500);
  assert.ok(!JSON.stringify(body).includes("secret"));
  assert.deepEqual(errors, [bug]);
});

test("its socket is the owner's and the group's alone, and gone when it is closed, also under a client that says nothing", async (t) => {
  const usual = process.umask(0o022);
  t.after(() => process.umask(usual));
  const { server, path } = await serving(t, [GREETING]);
  assert.equal(statSync(path).mode & 0o777, 0o660);
  assert.equal(process.umask(), 0o022);
  const silent = connect(path);
  silent.on("error", () => {});
  await new Promise((resolve) => silent.once("connect", resolve));
  await server.close();
  assert.ok(!existsSync(path));
});

test("nobody there, or nobody who speaks JSON, is told with the place", async (t) => {
  const path = join(folder(t), "admin.sock");
  await assert.rejects(
    askAdmin(path, { method: "GET", path: "/v1/x" }),
    (error) => error instanceof NoAdminReply && error.code === "ENOENT",
  );
  const other = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"));
  await new Promise<void>((resolve) => other.listen(path, resolve));
  t.after(() => other.close());
  await assert.rejects(
    askAdmin(path, { method: "GET", path: "/v1/x" }),
    (error) => error instanceof NoAdminReply && error.message.includes(path),
  );
});

test("what stands at a socket's place: nothing, a killed daemon's, a living one's, a file", async (t) => {
  const path = join(folder(t), "admin.sock");
  assert.equal(await occupantOf(path), "nothing");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  assert.equal(await occupantOf(path), "in-use");
  const stale = `${path}.2`;
  const killed = createServer();
  await new Promise<void>((resolve) => killed.listen(stale, resolve));
  linkSync(stale, `${stale}.kept`); // a close takes away the name it was made by
  await new Promise((resolve) => killed.close(resolve));
  assert.equal(await occupantOf(`${stale}.kept`), "stale");
  writeFileSync(`${path}.3`, "");
  assert.equal(await occupantOf(`${path}.3`), "other");
  await new Promise((resolve) => server.close(resolve));
});

test("a socket that may not be asked is somebody's", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to ask as somebody else");
  const directory = folder(t);
  chmodSync(directory, 0o755);
  const path = join(directory, "admin.sock");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
  chmodSync(path, 0o600);
  const module = new URL("../../src/admin/socket-file.ts", import.meta.url).href;
  const script = `const { occupantOf } = await import("${module}"); console.log(await occupantOf("${path}"));`;
  const asNobody = ["--reuid", "65534", "--clear-groups", "--inh-caps", "-all", "--bounding-set", "-all"];
  const { stdout } = await promisify(execFile)("setpriv", [
    ...asNobody,
    process.execPath,
    "--input-type=module",
    "-e",
    script,
  ]);
  assert.equal(stdout, "in-use\n");
});

test("a path of 107 bytes is one, of 108 none", () => {
  assert.equal(isTooLong(`/${"x".repeat(106)}`), false);
  assert.equal(isTooLong(`/${"x".repeat(107)}`), true);
});
