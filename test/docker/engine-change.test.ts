import assert from "node:assert/strict";
import { test } from "node:test";
import { changeOf } from "../../src/docker/engine-change.ts";

for (const [type, action, actorId, attributes, change] of [
  ["container", "start", "c", {}, { kind: "container-began", containerId: "c" }],
  ["container", "die", "c", {}, { kind: "container-ended", containerId: "c" }],
  ["container", "died", "c", {}, { kind: "container-ended", containerId: "c" }],
  ["container", "destroy", "c", {}, { kind: "container-ended", containerId: "c" }],
  ["container", "remove", "c", {}, { kind: "container-ended", containerId: "c" }],
  ["container", "rename", "c", { name: "new" }, undefined],
  ["container", "create", "c", {}, { kind: "container-created", containerId: "c" }],
  ["container", "exec_die", "c", {}, undefined],
  ["container", "die", "", {}, undefined],
  ["network", "create", "n", {}, { kind: "network-made" }],
  ["network", "destroy", "n", {}, { kind: "network-gone", network: "n" }],
  ["network", "remove", "n", {}, { kind: "network-gone", network: "n" }],
  [
    "network",
    "connect",
    "n",
    { container: "c", name: "b" },
    { kind: "network-joined", containerId: "c", network: "n" },
  ],
  ["network", "disconnect", "n", { container: "c" }, { kind: "network-left", containerId: "c", network: "n" }],
  ["network", "connect", "c", { network: "podman" }, { kind: "network-joined", containerId: "c", network: "podman" }],
  ["network", "disconnect", "c", { network: "podman" }, { kind: "network-left", containerId: "c", network: "podman" }],
  ["network", "connect", "c", {}, { kind: "network-joined", containerId: "c", network: "" }],
  ["network", "disconnect", "c", {}, { kind: "network-left", containerId: "c", network: "" }],
  ["network", "disconnect", "", {}, undefined],
  ["volume", "destroy", "v", {}, undefined],
  ["daemon", "reload", "d", {}, undefined],
] as const) {
  test(`${type} ${action} of "${actorId}" ${JSON.stringify(attributes)} means ${change?.kind ?? "nothing"}`, () => {
    assert.deepEqual(changeOf({ type, action, actorId, attributes, happenedAt: undefined }), change);
  });
}
