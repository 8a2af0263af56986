import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startLab } from "./support/lab.ts";
import { run } from "./support/programs.ts";

/**
 * Rule 2 again: a source address is not an identity, and a neighbour on the bridge can claim any. Each attack is first
 * shown to succeed where addresses alone tell who asks: a daemon without interception of its own, behind the one-line
 * redirect that others use. (There, packets of containers do reach EC2, so that nothing is asserted of them here.)
 */
const lab = await startLab({ daemon: false });
const SCRIPTS = ["spoof.py", "eavesdrop.py"] as const;
for (const name of [...SCRIPTS, "wire.py"])
  await copyFile(join(import.meta.dirname, "attacks", name), join(lab.containers.folder, name));

const ADDRESS_ALONE = `table ip addressalone {
  chain prerouting {
    type nat hook prerouting priority -110
    iifname != "lo" ip daddr 169.254.169.254 tcp dport 80 redirect to :9254
  }
}`;
const onInstance = (...command: readonly string[]) => run(lab.instance.onInstance(...command));

await onInstance("nft", ADDRESS_ALONE);
await lab.daemon.start({ interception: "none", "metadata-tokens": "optional" });
const attacker = await lab.run({ image: "aws", role: "attacker" });
const victim = await lab.run({ role: "victim" });
const address = await victim.address();
const [mac, gateway] = (
  await lab.engine.docker(
    "inspect",
    "-f",
    "{{range .NetworkSettings.Networks}}{{.MacAddress}} {{.Gateway}}{{end}}",
    victim.id,
  )
).split(" ");
assert.ok(mac && gateway);

/** @returns the last line that the attack prints */
async function attack(script: (typeof SCRIPTS)[number], ...args: readonly string[]): Promise<readonly string[]> {
  const [mode = "", ...more] = args;
  const said = await attacker.exec(
    "python3",
    join(lab.containers.folder, script),
    mode,
    address,
    mac ?? "",
    gateway ?? "",
    ...more,
  );
  return (said.split("\n").at(-1) ?? "").split(" ");
}

/** A neighbour can still keep the victim from being answered: what the host believes of its address is forgotten again. */
async function undisturbed(): Promise<void> {
  await onInstance("ip", "neigh", "flush", "dev", "docker0");
  assert.equal(await victim.role(), "victim");
}

/** What a neighbour gets that speaks as the victim; "" for nothing. */
async function spoofed(mode: string): Promise<string> {
  await undisturbed();
  const [word = "", hex = ""] = await attack("spoof.py", mode);
  assert.ok(["no", "reset", "answer"].includes(word), word);
  return Buffer.from(word === "answer" ? hex : "", "hex").toString("latin1");
}

/** What a neighbour hears in three seconds of the victim's asking all the time. */
async function overheard(mode: string): Promise<{ frames: number; text: string }> {
  await undisturbed();
  let isOver = false;
  const asking = (async () => {
    while (!isOver) await victim.metadata.get("/latest/meta-data/iam/security-credentials/", undefined, 300);
  })();
  const [frames = "", hex = ""] = await attack("eavesdrop.py", mode, "3");
  isOver = true;
  await asking;
  return { frames: Number(frames), text: Buffer.from(hex, "hex").toString("latin1") };
}

const MODES = ["own", "invented", "victim"] as const;

test("with addresses alone a neighbour speaks in another's name, and hears its answers", async () => {
  assert.match(await spoofed("invented"), /victim$/);
  assert.match(await spoofed("victim"), /victim$/);
  const heard = [await overheard("own"), await overheard("invented"), await overheard("victim")];
  for (const [i, { frames }] of heard.entries()) assert.ok(frames > 0, `${MODES[i]}: ${frames} frames`);
  assert.ok(
    heard.some(({ text }) => text.includes("victim")),
    "not an answer among the frames",
  );
});

test("with taskrole's interception in place of the redirect", async () => {
  await lab.daemon.stop();
  await onInstance("nft", "delete table ip addressalone");
  await lab.daemon.start({ "metadata-tokens": "optional" });
  await undisturbed();
});

for (const mode of MODES) {
  test(`a neighbour that speaks as the victim with ${mode} hardware address gets not a byte`, async () => {
    assert.equal(await spoofed(mode), "");
  });

  test(`a neighbour that claims the victim's address with ${mode} hardware address hears not a frame`, async () => {
    assert.deepEqual(await overheard(mode), { frames: 0, text: "" });
    await undisturbed();
  });
}

test("the status names each binding: address, link, hardware address and whose it is", async () => {
  const { stdout } = await lab.daemon.command("interception", "status");
  const line = stdout.split("\n").find((text) => text.includes(` ${address} `)) ?? assert.fail(stdout);
  assert.match(
    line,
    new RegExp(`${address} +veth\\w+ +${mac} +${victim.name} \\(${victim.id.slice(0, 12)}\\) since 20`),
  );
});
