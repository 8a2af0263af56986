import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import manifest from "../../package.json" with { type: "json" };
import lock from "../../package-lock.json" with { type: "json" };
import { billOfMaterials } from "../../scripts/bill-of-materials.ts";
import { requireIntegrity } from "../../scripts/bun-runtime.ts";
import { builtTwice, checksum } from "../../scripts/checksum.ts";
import { Running, run } from "../support/program.ts";
import { Checkout } from "./checkout.ts";

const { version } = manifest;
const bun = manifest.devDependencies.bun;
const folder = mkdtempSync(join(tmpdir(), "taskrole-release-test-"));
const checkout = new Checkout();
after(() => {
  checkout.remove();
  rmSync(folder, { recursive: true });
});

describe("npm run release refuses", () => {
  const out = join(folder, "refused");
  const refused = (...args: string[]) => {
    const { code, stderr } = checkout.script("release.ts", "--out", out, ...args);
    assert.equal(code, 1, stderr);
    assert.deepEqual(readdirSync(folder), [], "something was written");
    return stderr;
  };

  it("a commit without a tag, and names the one it wants", () => {
    assert.match(refused(), new RegExp(`HEAD \\([0-9a-f]{7}\\) has no tag v${version}.*git tag v${version}`));
  });

  it("a tag that is not the version of package.json, and names both", () => {
    checkout.git("tag", "v99.0.0");
    assert.match(refused(), new RegExp(`tagged v99\\.0\\.0, but the version in package\\.json is ${version}`));
    checkout.git("tag", "--delete", "v99.0.0");
  });

  it("changes and new files that are not committed, in a rehearsal too, and names them", () => {
    const file = join(checkout.folder, "src/new.ts");
    writeFileSync(file, "");
    assert.match(refused("--untagged"), /commit or stash first:\n.*src\/new\.ts/);
    rmSync(file);
  });

  it("packages that are not those of package-lock.json, and names them", () => {
    const file = join(checkout.folder, "node_modules/zod/package.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/"version": "[^"]+"/, '"version": "4.0.0"'));
    assert.match(refused("--untagged"), /npm ci first:\n\s*node_modules\/zod is 4\.0\.0, not \d/);
    rmSync(file);
    assert.match(refused("--untagged"), /node_modules\/zod is missing, not \d/);
    writeFileSync(file, text);
  });

  it("a folder that has something in it, and leaves it as it is", () => {
    const full = mkdtempSync(join(tmpdir(), "taskrole-full-"));
    writeFileSync(join(full, "mine"), "");
    const { code, stderr } = checkout.script("release.ts", "--untagged", "--out", full);
    assert.equal(code, 1);
    assert.match(stderr, /is not empty/);
    assert.deepEqual(readdirSync(full), ["mine"]);
    rmSync(full, { recursive: true });
  });

  it("a flag that there is not, with 2 and its usage", () => {
    const { code, stderr } = checkout.script("release.ts", "--untaged");
    assert.equal(code, 2);
    assert.match(stderr, /--untaged.*[\s\S]*--untagged/);
  });
});

it("two builds that differ are an error, and so is a runtime that is not the one in package-lock.json", () => {
  const work = mkdtempSync(join(tmpdir(), "taskrole-builds-"));
  const building = (content: () => string) => () =>
    builtTwice(work, (to) => {
      writeFileSync(join(to, "taskrole"), content());
      return join(to, "taskrole");
    });
  let built = 0;
  assert.throws(
    building(() => String(built++)),
    /two builds of one commit differ: taskrole is/,
  );
  const file = building(() => "the same")();
  const integrity = `sha512-${createHash("sha512").update("the same").digest("base64")}`;
  requireIntegrity(file, integrity);
  writeFileSync(file, "another");
  assert.throws(() => requireIntegrity(file, integrity), /is not what package-lock\.json names/);
  rmSync(work, { recursive: true });
});

describe("npm run release", () => {
  const out = join(folder, "out");
  const at = (name: string): string => join(out, name);
  let commit = "";
  before(() => {
    checkout.git("tag", `v${version}`);
    commit = checkout.git("rev-parse", "HEAD").slice(0, 7);
    const { code, stdout, stderr } = checkout.script("release.ts", "--out", out);
    assert.equal(code, 0, stdout + stderr);
  });

  const files = [
    "SHA256SUMS",
    "THIRD-PARTY-NOTICES",
    `taskrole-${version}.cdx.json`,
    `taskrole-${version}.tgz`,
    "taskrole-linux-arm64",
    "taskrole-linux-x64",
  ];

  it("makes these files and no others, and leaves the checkout as it was", () => {
    assert.deepEqual(readdirSync(out).toSorted(), files.toSorted());
    assert.equal(checkout.git("status", "--porcelain"), "");
  });

  it("has a checksum for each of them", () => {
    const said = execFileSync("sha256sum", ["--strict", "--check", "SHA256SUMS"], { cwd: out, encoding: "utf8" });
    assert.deepEqual(
      said.trim().split("\n").toSorted(),
      files
        .filter((name) => name !== "SHA256SUMS")
        .map((name) => `${name}: OK`)
        .toSorted(),
    );
  });

  it("makes what `npm run build` makes of the commit in another folder: anybody can check it", () => {
    checkout.move();
    const { code, stdout, stderr } = checkout.script("build.ts");
    assert.equal(code, 0, stdout + stderr);
    assert.equal(checksum(join(checkout.folder, "dist/taskrole")), checksum(at(`taskrole-linux-${process.arch}`)));
  });

  it("makes executables that tell version, commit and runtime", async (t) => {
    const told = `taskrole ${version} (commit ${commit}, bun ${bun})\n`;
    assert.equal((await run(["--version"], { program: [at("taskrole-linux-x64")] })).stdout, told);
    const emulator = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"];
    if (spawnSync(emulator[0] ?? "", ["--version"]).error)
      return t.skip("qemu-user-static not installed: arm64 not started");
    assert.equal((await run(["--version"], { program: [...emulator, at("taskrole-linux-arm64")] })).stdout, told);
    const help = await run(["serve", "--help"], { program: [...emulator, at("taskrole-linux-arm64")] });
    assert.match(help.stdout, /--listen/, help.stderr);
  });

  for (const [name, machine] of [
    ["linux-x64", "Advanced Micro Devices X86-64"],
    ["linux-arm64", "AArch64"],
  ] as const) {
    it(`makes ${name} for that machine and for the glibc of Amazon Linux 2023 (2.34)`, () => {
      const read = (...args: string[]): string =>
        execFileSync("readelf", [...args, at(`taskrole-${name}`)], { encoding: "utf8" });
      assert.match(read("--file-header"), new RegExp(`Machine: +${machine}`));
      const needed = [...read("--version-info").matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
      assert.ok(needed.length > 0 && Math.max(...needed) <= 34, `needs glibc 2.${Math.max(...needed)}`);
    });
  }

  it("has a bill of materials and the licences: what is needed at run time and Bun, nothing else, and the same for the same commit", () => {
    const text = readFileSync(at(`taskrole-${version}.cdx.json`), "utf8");
    const bill = JSON.parse(text);
    const notices = readFileSync(at("THIRD-PARTY-NOTICES"), "utf8");
    assert.equal(bill.bomFormat, "CycloneDX");
    assert.equal(bill.metadata.component.version, version);
    assert.equal(bill.metadata.component.name, "taskrole");
    const atRunTime = Object.entries(lock.packages as Record<string, { dev?: boolean; version?: string }>)
      .filter(([path, { dev }]) => path !== "" && !dev)
      .map(([path, locked]) => `${path.split("node_modules/").at(-1)}@${locked.version}`);
    const listed = bill.components.map(({ purl }: { purl: string }) =>
      decodeURIComponent(purl).replace(/^pkg:npm\//, ""),
    );
    assert.deepEqual(listed.toSorted(), [...atRunTime, `bun@${bun}`].toSorted());
    for (const each of atRunTime)
      assert.ok(notices.includes(`${each.replace(/@(?=[^@]*$)/, " ")} (`), `${each} has no notice`);
    assert.equal(billOfMaterials(bill.metadata.timestamp), text);
  });

  describe("its npm package", () => {
    const newest = join(folder, "node-24");
    const oldest = join(folder, "node-22");
    before(() => {
      mkdirSync(join(newest, "bin"), { recursive: true });
      execFileSync("ln", ["-s", process.execPath, join(newest, "bin/node")]);
      fetchNode("22.18.0", oldest);
    });

    it("has what is needed, and nothing else", () => {
      const listed = execFileSync("tar", ["-tzf", at(`taskrole-${version}.tgz`)], { encoding: "utf8" });
      const names = ["LICENSE", "README.md", "THIRD-PARTY-NOTICES", "package.json", "taskrole.js"].map(
        (name) => `package/${name}`,
      );
      assert.deepEqual(listed.trim().split("\n").toSorted(), names);
      const own = JSON.parse(
        execFileSync("tar", ["-xzOf", at(`taskrole-${version}.tgz`), "package/package.json"], { encoding: "utf8" }),
      );
      assert.deepEqual(own.engines, { node: ">=22.18" });
      assert.ok(!("dependencies" in own || "private" in own || "scripts" in own));
    });

    for (const [name, node] of [
      ["22.18.0", oldest],
      [process.versions.node, newest],
    ] as const) {
      describe(`on Node ${name}`, () => {
        const home = join(folder, `home-${name}`);
        const env = { PATH: `${join(node, "bin")}:${process.env["PATH"]}`, HOME: home };
        const installed = (args: readonly string[]) =>
          new Running(args, { program: [join(home, "node_modules/.bin/taskrole")], folder: home, env });

        it("is installed with no network and no other package, and tells its commit", () => {
          mkdirSync(home);
          const npm = (file: string, ...args: string[]): string =>
            execFileSync(file, args, { cwd: home, env, encoding: "utf8" });
          npm("npm", "install", "--offline", "--no-audit", "--no-fund", at(`taskrole-${version}.tgz`));
          assert.deepEqual(
            readdirSync(join(home, "node_modules")).filter((each) => !each.startsWith(".")),
            ["taskrole"],
          );
          assert.equal(
            npm("npx", "--offline", "taskrole", "--version"),
            `taskrole ${version} (commit ${commit}, node ${name})\n`,
          );
        });

        it("runs the mock of EC2, which answers", async () => {
          const mock = installed(["mock-ec2", "--metadata-listen", "127.0.0.1:0", "--sts-listen", "127.0.0.1:0"]);
          after(() => mock.kill());
          const [, url] = await mock.says(/Instance metadata: (http:\S+)/);
          const response = await fetch(`${url}/latest/meta-data/iam/security-credentials/`);
          assert.equal(await response.text(), "mock-ec2-host");
        });

        it("runs the demo: the daemon, and an AWS SDK in each workload", async () => {
          const { code, stdout, stderr } = await installed(["demo"]).ended();
          assert.equal(code, 0, stdout + stderr);
          assert.match(stdout, /assumed-role\/web-reader\/web-/);
        });

        it("reads settings in YAML, and says each mistake", async () => {
          writeFileSync(join(home, "config.yaml"), "regoin: x\n");
          const { code, stderr } = await installed(["check-config", "--config", "config.yaml"]).ended();
          assert.equal(code, 2);
          assert.match(stderr, /did you mean "region"/);
        });
      });
    }
  });
});

/** The executable of that Node from npm, as <folder>/bin/node. */
function fetchNode(wanted: string, folder: string): void {
  mkdirSync(folder);
  const pack = ["pack", `node-linux-${process.arch}@${wanted}`, "--pack-destination", folder, "--silent"];
  const tarball = execFileSync("npm", pack, { encoding: "utf8" }).trim();
  execFileSync("tar", ["-xzf", join(folder, tarball), "-C", folder, "--strip-components=1"]);
}
