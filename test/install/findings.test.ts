import assert from "node:assert/strict";
import { test } from "node:test";
import { findingsOn } from "../../src/install/findings.ts";
import type { Survey } from "../../src/install/survey.ts";
import { strayWarning } from "../../src/kernel/host-processes.ts";
import { FIT, journalOf, wishes } from "./surveys.ts";

const of = (survey: Partial<Survey>, flags = {}) => findingsOn({ ...FIT, ...survey }, wishes(flags));

test("on a host that is fit there is nothing to say", () => {
  assert.deepEqual(of({}), []);
});

const DNAT =
  "iptables -t nat -D PREROUTING -d 169.254.169.254/32 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8181";

const ROWS: readonly [what: string, survey: Partial<Survey>, weight: string, sentence: RegExp, remedy: RegExp][] = [
  ["no systemd", { systemd: undefined }, "stop", /not run by systemd/, /taskrole serve/],
  ["Amazon Linux 2's systemd", { systemd: "219" }, "stop", /systemd here is 219.* 235 or later/, /container\.md/],
  ["a systemd without RuntimeDirectoryPreserve", { systemd: "234" }, "stop", /systemd here is 234/, /container\.md/],
  ["not the released file", { executable: undefined }, "stop", /no executable of its own/, /\.\/taskrole install/],
  ["no useradd", { missingPrograms: ["useradd"] }, "stop", /no useradd/, /package passwd/],
  [
    "somebody's account of the daemon's name",
    { hasUser: true, login: { uid: 1001, shell: "/bin/bash" } },
    "warning",
    /user taskrole already, who can log in \(uid 1001, shell \/bin\/bash\)/,
    /usermod --shell \/usr\/sbin\/nologin taskrole/,
  ],
  [
    "a group of the daemon's name, without the user",
    { hasGroupAlone: true },
    "stop",
    /group taskrole and no user/,
    /groupdel taskrole.*useradd --system --gid taskrole/,
  ],
  [
    "no nft",
    { interception: { kind: "fails", sentence: "Cannot run nft.", remedy: "Install the package nftables." } },
    "stop",
    /Cannot run nft/,
    /nftables/,
  ],
  ["Amazon Linux 2023's nft", { nft: "1.0.4" }, "warning", /nft here is 1\.0\.4: below 1\.0\.6/, /taskrole smoke/],
  [
    "host-network containers that cannot be kept",
    { interception: { kind: "works", warnings: ["hostNetwork is not kept"] } },
    "warning",
    /hostNetwork is not kept/,
    /interception\.md/,
  ],
  [
    "a Docker that will put containers among the host's services",
    { unnamedCgroup: "system.slice" },
    "warning",
    /system\.slice only while taskrole runs.*"cgroup-parent": "docker\.slice"/,
    /interception\.md/,
  ],
  [
    "a Docker that will put containers where no setting names them",
    { unnamedCgroup: "work.slice" },
    "warning",
    /not kept for the containers in the cgroup work\.slice.*add "work\.slice" to containerCgroups/,
    /interception\.md/,
  ],
  ["not root", { interception: { kind: "unseen" } }, "warning", /not looked at: that takes root/, /as root/],
  ["no Docker", { docker: { kind: "absent", path: "/run/x.sock" } }, "stop", /no Docker.*\/run\/x\.sock/, /docker\.io/],
  [
    "a socket of root's alone",
    { docker: { kind: "socket", path: "/run/x.sock", group: undefined } },
    "stop",
    /\/run\/x\.sock is root's alone/,
    /SocketGroup=docker/,
  ],
  ["a port in use", { isPortTaken: true }, "stop", /Port 9254 is in use/, /ss -ltnp/],
  [
    "a file system that is never written to",
    { unwritable: [{ path: "/usr/local/bin", code: "EROFS" }] },
    "stop",
    /^Nothing can be written into \/usr\/local\/bin \(EROFS\)\.$/,
    /Mount it writable.*docs\/install\/flatcar\.md/,
  ],
  [
    "a folder that is not there",
    { unwritable: [{ path: "/usr/local/bin", code: "ENOENT" }] },
    "stop",
    /^There is no folder \/usr\/local\/bin/,
    /^mkdir -p \/usr\/local\/bin$/,
  ],
  [
    "a program of root's alone",
    { obstacles: [{ kind: "mode", path: "/p/t", file: "/p/t", mode: "0750", lacks: "rx" }] },
    "stop",
    /^\/p\/t has the mode 0750: the daemon, which is not root, cannot run it\.$/,
    /^chmod a\+rx \/p\/t$/,
  ],
  [
    "a folder that cannot be entered",
    { obstacles: [{ kind: "mode", path: "/p", file: "/p/t", mode: "0700", lacks: "x" }] },
    "stop",
    /^\/p has the mode 0700: the daemon, which is not root, cannot come to \/p\/t\.$/,
    /^chmod a\+x \/p$/,
  ],
  [
    "a file that the unit hides",
    { obstacles: [{ kind: "hidden", path: "/root/map.yaml", by: "ProtectHome", name: "roleMapFile" }] },
    "stop",
    /^\/root\/map\.yaml is hidden from the daemon: its unit has ProtectHome=yes\.$/,
    /below \/etc\/taskrole, with roleMapFile leading there/,
  ],
  [
    "a firewall",
    { foreign: { droppingChains: [{ name: "inet filter input", opening: "nft insert rule" }], redirects: [] } },
    "warning",
    /drops what it does not know \(chain inet filter input\).*port 9254/,
    /keep it: nft insert rule \(more in/,
  ],
  [
    "kube2iam's rule",
    { foreign: { droppingChains: [], redirects: [DNAT] } },
    "warning",
    /probably kube2iam's, leads containers' metadata requests elsewhere/,
    /iptables -t nat -D PREROUTING/,
  ],
  [
    "a hop limit of more than one",
    { answerHops: "further" },
    "warning",
    /answers may take more than one hop: they reach containers/,
    /--instance-id i-0123456789abcdef0 .*--http-put-response-hop-limit 1$/,
  ],
  [
    "a hop limit that cannot be seen",
    { answerHops: undefined },
    "warning",
    /cannot be seen from here/,
    /describe-instances --instance-ids i-0123456789abcdef0 .*--http-put-response-hop-limit 1$/,
  ],
  [
    "no metadata service",
    { instanceId: undefined },
    "warning",
    /No metadata service answers/,
    /--http-endpoint enabled/,
  ],
  ["an interruption", { journal: journalOf({}, false) }, "warning", /was interrupted/, /taskrole uninstall/],
];

for (const [what, survey, weight, sentence, remedy] of ROWS) {
  test(`it is said, with a remedy: ${what}`, () => {
    const findings = of(survey).filter((finding) => sentence.test(finding.sentence));
    assert.equal(findings.length, 1);
    assert.equal(findings[0]?.weight, weight);
    assert.match(findings[0]?.remedy ?? "", remedy);
  });
}

test("what the installation mends itself, by telling systemd to, is no warning", () => {
  const warnings = [strayWarning("system.slice"), strayWarning("work.slice")];
  const survey: Partial<Survey> = { unnamedCgroup: "system.slice", interception: { kind: "works", warnings } };
  assert.equal(of(survey).length, 2);
  assert.deepEqual(
    of({ ...survey, systemd: "257" }).map(({ sentence }) => sentence),
    [strayWarning("work.slice")],
  );
});

test("where containers are among the host's services already, it is said once", () => {
  const warnings = [strayWarning("system.slice")];
  assert.equal(of({ unnamedCgroup: "system.slice", interception: { kind: "works", warnings } }).length, 1);
});

test("the oldest systemd that has all that the units need is fit", () => {
  assert.deepEqual(of({ systemd: "235" }), []);
});

test("nft is judged number by number, and only where it is used", () => {
  const warned = [
    "0.9.8",
    "1.0",
    "1.0.2",
    "1.0.4",
    "1.0.5",
    "1.0.6",
    "1.0.6.1",
    "1.0.9",
    "1.0.10",
    "1.1.3",
    "2.0",
  ].filter((nft) => of({ nft }).length > 0);
  assert.deepEqual(warned, ["0.9.8", "1.0", "1.0.2", "1.0.4", "1.0.5"]);
  assert.deepEqual(of({ nft: undefined }), []);
  for (const interception of ["iptables", "none"]) assert.deepEqual(of({ nft: "1.0.4" }, { interception }), []);
});

test("what stops an installation comes first, and all of it is said at once", () => {
  const findings = of({ systemd: undefined, docker: { kind: "absent", path: "/run/x.sock" }, instanceId: undefined });
  assert.deepEqual(
    findings.map(({ weight }) => weight),
    ["stop", "stop", "warning"],
  );
});

test("a runtime directory that the unit cannot give it stops it", () => {
  assert.match(of({}, { runtimeDirectory: "/var/x" })[0]?.sentence ?? "", /runtimeDirectory is \/var\/x/);
});

test("where requests are routed by the operator, his redirect is not another tool's", () => {
  const foreign = { droppingChains: [], redirects: [DNAT] };
  assert.deepEqual(of({ foreign }, { interception: "none" }), []);
});

test("what is finished is not said to be interrupted", () => {
  assert.deepEqual(of({ journal: journalOf({}) }), []);
});
