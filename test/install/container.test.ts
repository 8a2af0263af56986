import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { SCOPE_SET } from "../../src/kernel/host-chains.ts";
import { ALL_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { INTERCEPTION_TABLE } from "../../src/kernel/interception-table.ts";
import { additionArgv, ipRules } from "../../src/kernel/ip-rules.ts";
import { runCommand } from "../../src/kit/run-command.ts";
import { commandOf } from "./page.ts";
import { wishes } from "./surveys.ts";

const text = (file: string): string => readFileSync(file, "utf8");
const PAGE = "docs/install/container.md";
const GUARD = "deploy/systemd/taskrole-guard.service";
const DOCKERFILE = text("Dockerfile");

/** How the container is started, in whichever words. */
interface Started {
  readonly name: string;
  readonly image: string;
  readonly restart: string;
  readonly network: string;
  readonly pid: string;
  readonly cgroup: string;
  readonly isReadOnly: boolean;
  readonly capDrop: readonly string[];
  readonly capAdd: readonly string[];
  readonly security: readonly string[];
  readonly ulimits: readonly string[];
  readonly groups: number;
  readonly volumes: readonly string[];
}

function byLine(): Started {
  const words = commandOf(PAGE, "docker run -d")
    .replaceAll("\\\n", " ")
    .replace('"$(stat -c %g /var/run/docker.sock)"', "GID")
    .trim()
    .split(/\s+/);
  const once = { type: "string" } as const;
  const often = { type: "string", multiple: true } as const;
  const { values, positionals } = parseArgs({
    args: words.slice(2),
    allowPositionals: true,
    options: {
      ...{ name: once, restart: once, network: once, pid: once, cgroupns: once },
      ...{ "cap-drop": often, "cap-add": often, "security-opt": often, ulimit: often, "group-add": often },
      volume: { ...often, short: "v" },
      detach: { type: "boolean", short: "d" },
      "read-only": { type: "boolean" },
    },
  });
  const { name = "", restart = "", network = "", pid = "", cgroupns: cgroup = "" } = values;
  const {
    "cap-drop": capDrop = [],
    "cap-add": capAdd = [],
    "security-opt": security = [],
    ulimit: ulimits = [],
  } = values;
  const { "read-only": isReadOnly = false, "group-add": groups = [], volume: volumes = [] } = values;
  const lists = { capDrop, capAdd, security, ulimits, groups: groups.length, volumes };
  return { name, image: positionals.join(" "), restart, network, pid, cgroup, isReadOnly, ...lists };
}

function byCompose(): Started {
  const { services } = parse(text("compose.yaml"));
  const { taskrole: service, ...others } = services;
  assert.deepEqual(others, {});
  const { build, container_name, image, restart, network_mode, pid, cgroup, read_only, ...lists } = service;
  const { cap_drop, cap_add, security_opt, ulimits, group_add, volumes, ...rest } = lists;
  assert.deepEqual([build, rest], [".", {}]);
  return {
    name: container_name,
    image,
    restart,
    network: network_mode,
    pid,
    cgroup,
    isReadOnly: read_only,
    capDrop: cap_drop,
    capAdd: cap_add,
    security: security_opt,
    ulimits: Object.entries(ulimits).map(([name, value]) => `${name}=${value}`),
    groups: group_add.length,
    volumes,
  };
}

test("compose.yaml says what the page's docker run line says", () => {
  assert.deepEqual(byCompose(), byLine());
});

test("the container gets two capabilities, and these are on the file that hands them on", () => {
  const { capDrop, capAdd, isReadOnly } = byLine();
  assert.deepEqual([capDrop, capAdd, isReadOnly], [["ALL"], ["NET_ADMIN", "SYS_PTRACE"], true]);
  const [, onFile = ""] = /setcap (\S+)\+p /.exec(DOCKERFILE) ?? [];
  assert.equal(onFile, capAdd.map((name) => `cap_${name.toLowerCase()}`).join(","));
  const [, handedOn = ""] = /for capability in (.*); do/.exec(text("deploy/container/entrypoint.sh")) ?? [];
  assert.equal(handedOn, capAdd.map((name) => `+${name.toLowerCase()}`).join(" "));
});

test("the image's user is the one that the page and the guard give the directory to", () => {
  const [, user = ""] = /^USER (\d+):\1$/m.exec(DOCKERFILE) ?? [];
  assert.ok(Number(user) > 0);
  assert.match(text(GUARD), new RegExp(`^ExecStart=install -d -o ${user} -g ${user} -m 0755 /run/taskrole$`, "m"));
  assert.ok(text(PAGE).includes(`it is the container's user's, ${user},`));
});

test("what the Dockerfile copies is in its context, and can be run", () => {
  const ignored = text(".dockerignore").split("\n");
  assert.ok(ignored.includes("*"));
  const copied = [...DOCKERFILE.matchAll(/^COPY (\S+) /gm)].map(([, file = ""]) =>
    file.replace("$PROGRAM", "dist/taskrole"),
  );
  assert.equal(copied.length, 2);
  for (const file of copied) {
    assert.ok(
      ignored.some((line) => line.startsWith("!") && file.startsWith(line.slice(1).replace("*", ""))),
      file,
    );
    assert.notEqual(statSync(file).mode & 0o111, 0, file);
  }
});

test("the guard adds the routing rules that the daemon adds, all of them", () => {
  const added = [...text(GUARD).matchAll(/^ExecStart=-(ip .*)$/gm)].map(([, command]) => command);
  const wanted = (["ipv4", "ipv6"] as const).flatMap((family) => ipRules(family, ALL_ADDRESSES));
  assert.deepEqual(
    added,
    wanted.map((rule) => additionArgv(rule).join(" ")),
  );
});

test("the guard's packet rules name the daemon's table and set, its addresses, and slices that it knows by itself", () => {
  const packetRules = [...text(GUARD).matchAll(/^ExecStart=-nft '(.*)'$/gm)].map(([, rule = ""]) => rule);
  const { family, name } = INTERCEPTION_TABLE;
  for (const rule of packetRules) assert.match(rule, new RegExp(`^add \\w+ ${family} ${name}\\b`));
  const all = packetRules.join("\n");
  assert.ok(
    all.includes(`set ${family} ${name} ${SCOPE_SET} { type cgroupsv2; }`) && all.includes(`level 2 @${SCOPE_SET} `),
  );
  const refused = packetRules.flatMap((rule) => /daddr \{ (.*) \}/.exec(rule)?.[1]?.split(", ") ?? []);
  assert.deepEqual(refused.sort(), ALL_ADDRESSES.map(({ address }) => address).sort());
  const slices = [...all.matchAll(/level 1 "(.*)" counter reject/g)].map(([, cgroup = ""]) => cgroup);
  assert.ok(slices.length === 2 && slices.every((cgroup) => wishes().config.containerCgroups.includes(cgroup)));
});

test("systemd finds nothing wrong with the guard", async (t) => {
  const outcome = await runCommand(["systemd-analyze", "verify", "--man=no", GUARD]);
  if (outcome.kind === "missing") {
    assert.notEqual(process.env["REQUIRE_ALL"], "1", "needs systemd-analyze");
    return t.skip("needs systemd-analyze (package systemd)");
  }
  assert.deepEqual(outcome, { kind: "exited", code: 0, stdout: "", stderr: "" });
});
