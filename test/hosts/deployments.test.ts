import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import hcl from "hcl2-parser";
import { z } from "zod";
import { loadConfig } from "../../src/app/config.ts";

/** What of the host the daemon needs: its network and its processes, two capabilities, its cgroups, the engine's socket, a directory to keep keys in. */
const CAPABILITIES = ["NET_ADMIN", "SYS_PTRACE"];
const MOUNTS: Readonly<Record<string, boolean>> = {
  "/sys/fs/cgroup": true,
  "/var/run/docker.sock": true,
  "/run/taskrole": false,
  "/etc/taskrole": true,
};

describe("deploy/ecs/taskrole.json", () => {
  /** What RegisterTaskDefinition takes, as far as it is used: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html */
  const Container = z.strictObject({
    name: z.string(),
    image: z.string(),
    essential: z.literal(true),
    user: z.string(),
    readonlyRootFilesystem: z.boolean(),
    dockerSecurityOptions: z.array(z.string()),
    linuxParameters: z.strictObject({
      capabilities: z.strictObject({ add: z.array(z.string()), drop: z.array(z.string()) }),
    }),
    cpu: z.int(),
    memoryReservation: z.int(),
    memory: z.int(),
    ulimits: z.array(z.strictObject({ name: z.string(), softLimit: z.int(), hardLimit: z.int() })),
    environment: z.array(z.strictObject({ name: z.string(), value: z.string() })),
    mountPoints: z.array(
      z.strictObject({ sourceVolume: z.string(), containerPath: z.string(), readOnly: z.boolean() }),
    ),
    healthCheck: z.strictObject({
      command: z.array(z.string()),
      interval: z.int().min(5).max(300),
      timeout: z.int().min(2).max(60),
      retries: z.int().min(1).max(10),
    }),
    stopTimeout: z.int(),
  });
  const TaskDefinition = z.strictObject({
    family: z.string(),
    requiresCompatibilities: z.tuple([z.literal("EC2")]),
    networkMode: z.string(),
    pidMode: z.string(),
    containerDefinitions: z.tuple([Container]),
    volumes: z.array(z.strictObject({ name: z.string(), host: z.strictObject({ sourcePath: z.string() }) })),
  });
  const read = () => TaskDefinition.parse(JSON.parse(readFileSync("deploy/ecs/taskrole.json", "utf8")));

  it("is a task definition with the host's network and processes, and two capabilities alone", () => {
    const { networkMode, pidMode, containerDefinitions } = read();
    const [{ linuxParameters, memory, memoryReservation }] = containerDefinitions;
    assert.deepEqual([networkMode, pidMode], ["host", "host"]);
    assert.deepEqual(linuxParameters.capabilities, { add: CAPABILITIES, drop: ["ALL"] });
    assert.ok(memoryReservation < memory);
  });

  it("mounts the engine's socket and the settings read-only, the runtime directory to be written, and nothing else", () => {
    const { containerDefinitions, volumes } = read();
    const hostPath = new Map(volumes.map(({ name, host }) => [name, host.sourcePath]));
    const mounts = containerDefinitions[0].mountPoints;
    assert.deepEqual(
      Object.fromEntries(mounts.map(({ containerPath, readOnly }) => [containerPath, readOnly])),
      MOUNTS,
    );
    for (const { sourceVolume, containerPath } of mounts) assert.equal(hostPath.get(sourceVolume), containerPath);
    assert.equal(volumes.length, mounts.length);
  });

  it("sets only what taskrole knows, and leaves ECS its own credentials endpoint", () => {
    const { environment } = read().containerDefinitions[0];
    const variables = Object.fromEntries(environment.map(({ name, value }) => [name, value]));
    const config = loadConfig({ file: "/dev/null", environment: variables, flags: {} });
    assert.equal(config.containerCredentials, "off");
    assert.deepEqual(config.containerCgroups, ["ecs", "ecstasks.slice"]);
  });
});

describe("deploy/nomad/taskrole.hcl", () => {
  /** A block is a list of those of its name: https://developer.hashicorp.com/nomad/docs/job-specification */
  const one = <T extends z.ZodType>(schema: T) => z.tuple([schema]);
  const Task = z.strictObject({
    driver: z.literal("docker"),
    user: z.string(),
    kill_timeout: z.string(),
    config: one(
      z.strictObject({
        image: z.string(),
        network_mode: z.string(),
        pid_mode: z.string(),
        readonly_rootfs: z.boolean(),
        cap_drop: z.array(z.string()),
        cap_add: z.array(z.string()),
        security_opt: z.array(z.string()),
        ulimit: one(z.strictObject({ nofile: z.string(), core: z.string() })),
        volumes: z.array(z.string()),
      }),
    ),
    resources: one(z.strictObject({ cpu: z.int(), memory: z.int() })),
  });
  const Group = z.strictObject({
    restart: one(
      z.strictObject({ mode: z.literal("delay"), attempts: z.int(), interval: z.string(), delay: z.string() }),
    ),
    task: z.strictObject({ taskrole: one(Task) }),
  });
  const Job = z.strictObject({
    type: z.literal("system"),
    priority: z.int(),
    group: z.strictObject({ taskrole: one(Group) }),
  });
  const File = z.strictObject({ job: z.strictObject({ taskrole: one(Job) }) });

  function readJob(): z.infer<typeof Job> {
    const [parsed] = hcl.parseToObject(readFileSync("deploy/nomad/taskrole.hcl", "utf8")) as readonly unknown[];
    return File.parse(parsed).job.taskrole[0];
  }

  it("is a system job that goes on trying, with the host's network and processes, and two capabilities alone", () => {
    const job = readJob();
    assert.ok(job.priority > 50, "before the jobs that need it, whose priority is 50 unless they say otherwise");
    const [{ network_mode, pid_mode, cap_drop, cap_add }] = job.group.taskrole[0].task.taskrole[0].config;
    assert.deepEqual([network_mode, pid_mode, cap_drop], ["host", "host", ["all"]]);
    assert.deepEqual(
      cap_add.map((name) => name.toUpperCase()),
      CAPABILITIES,
    );
  });

  it("mounts what the ECS task mounts", () => {
    const [{ volumes }] = readJob().group.taskrole[0].task.taskrole[0].config;
    const mounts = volumes.map((volume) => volume.split(":"));
    for (const [from, to] of mounts) assert.equal(from, to);
    assert.deepEqual(Object.fromEntries(mounts.map(([, to = "", mode]) => [to, mode === "ro"])), MOUNTS);
  });
});
