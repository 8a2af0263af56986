import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseEndpoint } from "../../src/docker/engine-endpoint.ts";

for (const [text, expected] of [
  ["unix:///var/run/docker.sock", { kind: "socket", socketPath: "/var/run/docker.sock" }],
  ["unix:///run/user/1000/podman/podman.sock", { kind: "socket", socketPath: "/run/user/1000/podman/podman.sock" }],
  ["tcp://127.0.0.1:2375", { kind: "tcp", host: "127.0.0.1", port: 2375 }],
  ["tcp://docker.example", { kind: "tcp", host: "docker.example", port: 2375 }],
  ["http://localhost:80/", { kind: "tcp", host: "localhost", port: 80 }],
  ["tcp://[::1]:2375", { kind: "tcp", host: "::1", port: 2375 }],
] as const) {
  test(`${text} is an endpoint`, () => assert.deepEqual(parseEndpoint(text), { ...expected, text }));
}

for (const [text, reason] of [
  ["", /must read/],
  ["/var/run/docker.sock", /must read/],
  ["unix://var/run/docker.sock", /three slashes/],
  ["unix:///a\0b", /absolute/],
  ["https://host:2376", /TLS/],
  ["ssh://host", /must read/],
  ["tcp://host:0", /1 to 65535/],
  ["tcp://host:65536", /1 to 65535/],
  ["tcp://host:1/path", /must read/],
  ["tcp://user@host:1", /must read/],
] as const) {
  test(`${JSON.stringify(text)} is none, and it is said why`, () => {
    const parsed = parseEndpoint(text);
    assert.equal(parsed.kind, "bad-endpoint");
    assert.match("reason" in parsed ? parsed.reason : "", reason);
  });
}

test("every text is an endpoint or an error", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((rest) => `tcp://${rest}`),
      ),
      (text) => {
        assert.ok(["socket", "tcp", "bad-endpoint"].includes(parseEndpoint(text).kind));
      },
    ),
  );
});
