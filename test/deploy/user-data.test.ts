import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
    for (const name of ["systemctl", "apt-get", ...managers]) standIn(name);
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
      assert.match(calls[0] ?? "", /^dnf install -y docker iproute nftables$/);
      assert.equal(calls[1], "systemctl enable --now docker");
      assert.match(calls[2] ?? "", /^curl -fsSL .* https:\/\/downloads\.example\/taskrole\?a=b&c=d$/);
      assert.deepEqual(calls.slice(3), [`taskrole install --default-role ${defaultRole}`]);
      const debian = await boot(userData, []);
      assert.equal(debian.code, 0);
      assert.match(debian.calls[1] ?? "", /^apt-get install -y .*docker\.io iproute2 nftables$/);
    });

    it("does not run a download whose checksum is another", async () => {
      const { userData } = await deploy({ ...WANTED, releaseSha256 });
      const { code, calls } = await boot(userData, ["dnf"], `${PROGRAM}# and more\n`);
      assert.notEqual(code, 0);
      assert.match(calls.at(-1) ?? "", /^curl /);
    });
  });
}
