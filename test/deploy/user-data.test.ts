import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { run } from "../support/program.ts";
import { type Bootable, byCloudFormation, byTerraform, WANTED, type Wanted } from "./support/deployments.ts";
import { missing } from "./support/tools.ts";

const lacks = missing();
const options = lacks === undefined ? {} : { skip: `needs ${lacks}` };

/** What the instance would download: tells how it was called. */
const PROGRAM = '#!/bin/sh\necho "taskrole $*" >>"$CALLS"\n';
const releaseSha256 = createHash("sha256").update(PROGRAM).digest("hex");

interface Boot {
  readonly code: number | null;
  /** Each program that changes a machine, with its arguments, in their order. */
  readonly calls: readonly string[];
}

/** Runs the user data with stand-ins for all that would change this machine. @param managers of packages that the machine has */
async function boot(userData: string, managers: readonly string[], downloaded = PROGRAM): Promise<Boot> {
  const folder = mkdtempSync(join(tmpdir(), "taskrole-boot-"));
  const [calls, download] = [join(folder, "calls"), join(folder, "download")];
  const standIn = (name: string, does = "") => {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >>"$CALLS"\n${does}`);
    chmodSync(join(folder, name), 0o755);
  };
  try {
    writeFileSync(calls, "");
    writeFileSync(download, downloaded);
    for (const name of ["systemctl", "apt-get", "mkdir", ...managers]) standIn(name);
    standIn("tee", 'cat >>"$CALLS"\n');
    standIn("curl", 'while [ "$1" != -o ]; do shift; done\ncat "$DOWNLOAD" >"$2"\n');
    writeFileSync(join(folder, "user-data"), userData);
    const env = { PATH: `${folder}:/usr/bin:/bin`, CALLS: calls, DOWNLOAD: download, TMPDIR: folder };
    const { code } = await run([join(folder, "user-data")], { program: ["bash"], env });
    return { code, calls: readFileSync(calls, "utf8").trimEnd().split("\n") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const [name, deploy] of [
  ["the CloudFormation template", byCloudFormation],
  ["the Terraform module", byTerraform],
] satisfies [string, (wanted: Wanted) => Promise<Bootable>][]) {
  describe(`the user data of ${name}`, options, () => {
    it("installs Docker, downloads the program, and has it install itself with the default role", async () => {
      const { userData, defaultRole } = await deploy({ ...WANTED, releaseSha256 });
      const { code, calls } = await boot(userData, ["dnf"]);
      assert.equal(code, 0);
      const fromDocker = calls.slice(calls.findIndex((call) => call.startsWith("dnf")));
      assert.match(fromDocker[0] ?? "", /^dnf install -y docker iproute nftables$/);
      assert.equal(fromDocker[1], "systemctl enable --now docker");
      assert.match(fromDocker[2] ?? "", /^curl -fsSL .* https:\/\/downloads\.example\/taskrole\?a=b&c=d$/);
      assert.deepEqual(fromDocker.slice(3), [`taskrole install --default-role ${defaultRole}`]);
      const debian = await boot(userData, []);
      assert.equal(debian.code, 0);
      const fromUpdate = debian.calls.slice(debian.calls.indexOf("apt-get update"));
      assert.match(fromUpdate[1] ?? "", /^apt-get install -y .*docker\.io iproute2 nftables$/);
    });

    it("gives containers a slice of their own before Docker is there; settings of an image's own stay", async () => {
      const { userData } = await deploy({ ...WANTED, releaseSha256 });
      const { calls } = await boot(userData, ["dnf"]);
      const before = calls.slice(
        0,
        calls.findIndex((call) => call.startsWith("dnf")),
      );
      const settings = ["mkdir -p /etc/docker", "tee /etc/docker/daemon.json", '{ "cgroup-parent": "docker.slice" }'];
      assert.deepEqual(before, [
        ...(existsSync("/etc/docker/daemon.json") ? [] : settings),
        "tee /etc/systemd/system/docker.slice",
        ...["[Unit]", "Description=Containers", "[Install]", "WantedBy=slices.target"],
        "systemctl enable --now docker.slice",
      ]);
    });

    it("does not run a download whose checksum is another", async () => {
      const { userData } = await deploy({ ...WANTED, releaseSha256 });
      const { code, calls } = await boot(userData, ["dnf"], `${PROGRAM}# and more\n`);
      assert.notEqual(code, 0);
      assert.match(calls.at(-1) ?? "", /^curl /);
    });
  });
}
