import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { whyNoLab } from "../kernel/network-lab.ts";
import { TOKEN_PATH } from "./caller.ts";
import type { Findings, Pair } from "./dual-stack.ts";
import { ROWS } from "./table.ts";

const missing = await whyNoLab();
const findings = missing === undefined ? await findingsOfDualStackHost() : undefined;
const options = missing === undefined ? {} : { skip: `IPv6 is not tested: ${missing}` };

/** One run for all tests below: in a network namespace of its own, where loopback owns the service's addresses. */
async function findingsOfDualStackHost(): Promise<Findings> {
  const program = fileURLToPath(new URL("./dual-stack.ts", import.meta.url));
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: undefined };
  const child = spawn("unshare", ["-n", process.execPath, program], { stdio: ["ignore", "pipe", "inherit"], env });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 0, "the program in the namespace failed");
  return JSON.parse(printed);
}

for (const { title, tokens, exchanges } of ROWS) {
  test(`over IPv6 byte for byte as over IPv4, but for the date: ${title}`, options, () => {
    const pairs = findings?.pairs.filter((pair) => pair.title === title) ?? [];
    assert.equal(pairs.length, exchanges.length * (tokens ? 1 : 2));
    for (const pair of pairs) {
      assert.match(pair.over4, /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 \d{3} /);
      assert.equal(comparable(pair.over6, pair), comparable(pair.over4, pair), JSON.stringify(pair.exchange.request));
    }
  });
}

test(
  "item 45: the IPv6 endpoint gives byte-identical answers, some hundreds of them, of every status there is",
  options,
  () => {
    const pairs = findings?.pairs ?? [];
    assert.ok(pairs.length > 400, `${pairs.length}`);
    for (const pair of pairs) assert.equal(comparable(pair.over6, pair), comparable(pair.over4, pair));
    const statuses = new Set(pairs.map(({ over6 }) => / (\d{3}) /.exec(over6.replace(/^HTTP\/1\.1 100 .*/, ""))?.[1]));
    assert.deepEqual([...statuses].sort(), ["200", "400", "401", "403", "404", "405", "503"]);
  },
);

/** No two tokens are the same, over one family either. */
function comparable(answer: string, { exchange }: Pair): string {
  const text = answer.replace(/\r\nDate: [^\r]+ GMT\r\n/, "\r\nDate: …\r\n");
  const isToken = exchange.request.target === TOKEN_PATH && exchange.status === 200;
  return isToken ? text.replace(/[A-Za-z0-9+/]{54}==$/, "TOKEN") : text;
}

test(
  "item 41: over IPv6 every spelling of the service's own Host is answered, none too, and any other is 403",
  options,
  () => {
    const own = new Set([
      null,
      "[fd00:ec2::254]",
      "fd00:ec2::254",
      "[fd00:ec2::254]:80",
      "[FD00:EC2::254]",
      "169.254.169.254",
    ]);
    const hosts = findings?.hosts ?? [];
    assert.equal(hosts.filter(({ host }) => own.has(host)).length, own.size * 2);
    assert.ok(hosts.some(({ host }) => !own.has(host)));
    for (const { host, version, answer } of hosts) {
      const wanted = own.has(host) ? "HTTP/1.1 200 OK" : "HTTP/1.1 403 Forbidden";
      assert.equal(answer.split("\r\n")[0], wanted, `${host} in HTTP/${version}`);
    }
  },
);

test("a link-local peer is nobody: 403 to whatever it asks", options, () => {
  assertRefused(findings?.strangers ?? []);
});

test(
  "a link-local peer is nobody, also where a network has its subnet: another link may have the same address",
  options,
  () => assertRefused(findings?.claimedLinkLocal ?? []),
);

function assertRefused(answers: Findings["strangers"]): void {
  assert.equal(answers.length, 4);
  for (const { request, answer } of answers) assert.match(answer, /^HTTP\/1\.1 403 /, request);
}
