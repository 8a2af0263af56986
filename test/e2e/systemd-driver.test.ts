import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createBootedHost } from "./support/booted-host.ts";
import { type Container, ContainerMaker } from "./support/containers.ts";
import { Ec2, HOST_ROLE } from "./support/ec2.ts";
import { type Docker, importImages } from "./support/engine.ts";
import { STS_URL } from "./support/instance.ts";
import { CREDENTIALS_PATH } from "./support/metadata-client.ts";
import { eventually, run } from "./support/programs.ts";
import { taskroleProgram } from "./support/settings.ts";

/** Docker as most hosts of today have it: systemd makes its containers' cgroups, among those of the host's services. */
const host = await createBootedHost();
after(host.remove);
const ec2 = await Ec2.start(host);
after(ec2.stop);
copyFileSync(taskroleProgram, join(host.folder, "taskrole"));
await host.boot();
const docker: Docker = (...args) => run(host.onInstance("docker", ...args), { timeoutMs: 120_000 });
await host.must(`mkdir -p /etc/systemd/system/taskrole.service.d /etc/docker
printf '[Service]\\nEnvironment=TASKROLE_STS_ENDPOINT=${STS_URL} TASKROLE_REGION=us-east-1\\n' >/etc/systemd/system/taskrole.service.d/world.conf
echo '{"exec-opts":["native.cgroupdriver=systemd"]}' >/etc/docker/daemon.json
systemctl restart docker`);
await eventually(() => docker("version"), 30_000);
await importImages(docker, ["small"]);
const containers = new ContainerMaker(docker, host.folder, () => {});
const onHost = (name: string) => containers.run({ name, network: "host" });
const asked = ({ metadata }: Container) => metadata.get(CREDENTIALS_PATH);
let earlier: Container | undefined;

test("without taskrole a container on the host's network has the host's role, in a scope among the services", async () => {
  assert.equal(await docker("info", "--format", "{{.CgroupDriver}}"), "systemd");
  const container = await onHost("earlier");
  earlier = container;
  const pid = await docker("inspect", "--format", "{{.State.Pid}}", container.id);
  assert.match(
    await host.must(`cat /proc/${pid}/cgroup`),
    new RegExp(`^0::/system\\.slice/docker-${container.id}`, "m"),
  );
  const { status, body } = await asked(container);
  assert.deepEqual([status, String(body)], [200, HOST_ROLE]);
});

test("with it none has, whether it ran already or comes later; the host's own programs have, and it says what is not closed", async () => {
  const { code, stderr } = await host.shell(`cd ${host.folder}; ./taskrole install`);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /hostNetwork is kept for containers in the cgroup system\.slice only while taskrole runs/);
  for (const container of [earlier ?? assert.fail("it was not started"), await onHost("later")])
    await eventually(async () => assert.equal((await asked(container)).status, 404));
  assert.match(await host.must("journalctl -u taskrole -o cat"), /"refusal":"host-network-refused".*later \(/);
  await host.must(`cat >/run/systemd/system/asks.service <<'END'
[Service]
Type=oneshot
ExecStart=bash -c 'exec 3<>/dev/tcp/169.254.169.254/80; printf "GET ${CREDENTIALS_PATH} HTTP/1.0\\\\r\\\\n\\\\r\\\\n" >&3; cat <&3'
StandardOutput=file:/run/asked
END
systemctl daemon-reload
systemctl start asks`);
  assert.match(await host.must("cat /run/asked"), new RegExp(`${HOST_ROLE}$`), "a service of the host's own");
});
