import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startMockEc2 } from "../../src/mock-ec2/mock-ec2.ts";
import { selfSigned } from "../sts/certificate.ts";
import { connectProxy } from "../sts/connect-proxy.ts";
import { type Behaviour, callerIdentity, fakeSts } from "../sts/fake-sts.ts";
import { EXECUTABLE, FROM_SOURCE, Running } from "../support/program.ts";

const NAME = "sts.taskrole.test";
const HOST = "arn:aws:sts::111122223333:assumed-role/host/i-1";
const certificate = selfSigned(NAME);
const directory = mkdtempSync(join(tmpdir(), "taskrole-sts-"));
after(() => {
  certificate[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

const ok: Behaviour = ({ response }) => void response.end(callerIdentity(HOST));

interface Given {
  readonly program: readonly string[];
  readonly sts: string;
  readonly metadata: string;
  readonly env?: Readonly<Record<string, string>>;
}

function serve({ program, sts, metadata, env = {} }: Given): Running & AsyncDisposable {
  const flags = ["--listen", "127.0.0.1:0", "--interception", "none", "--runtime-directory", directory];
  const ways = ["--sts-endpoint", sts, "--metadata-url", metadata, "--docker-endpoint", `unix://${directory}/no.sock`];
  const running = new Running(["serve", ...flags, ...ways], { program, env });
  return Object.assign(running, { [Symbol.asyncDispose]: () => running.kill() });
}

const field = (name: string, value: string): string => `"${name}":${JSON.stringify(value)}`;
const matching = (...parts: readonly string[]): RegExp =>
  new RegExp(parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*"));

for (const [what, program] of Object.entries({ "dist/taskrole": EXECUTABLE, "the source on Node": FROM_SOURCE })) {
  describe(`the way to STS, ${what}`, () => {
    it("leads through HTTPS_PROXY; the host's metadata is asked directly, whatever proxy is set", async () => {
      await using ec2 = await mock();
      await using sts = await fakeSts({ "": ok }, certificate);
      await using proxy = await connectProxy(() => sts.port);
      const names = ["HTTPS_PROXY", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
      const env = {
        ...Object.fromEntries(names.map((name) => [name, proxy.url])),
        NODE_USE_ENV_PROXY: "1",
        AWS_CA_BUNDLE: certificate.certFile,
      };
      const endpoint = `https://${NAME}:${sts.port}`;
      await using running = serve({ program, sts: endpoint, metadata: ec2.metadataUrl, env });
      await running.says(matching(field("hostArn", HOST), field("stsEndpoint", endpoint), "STS answers"));
      assert.deepEqual(proxy.asked, [`CONNECT ${NAME}:${sts.port}`]);
    });

    it("takes a private authority from NODE_EXTRA_CA_CERTS", async () => {
      await using ec2 = await mock();
      await using sts = await fakeSts({ "": ok }, certificate);
      const env = { NODE_EXTRA_CA_CERTS: certificate.certFile };
      await using running = serve({ program, sts: `https://127.0.0.1:${sts.port}`, metadata: ec2.metadataUrl, env });
      await running.says(/STS answers/);
    });

    it("says what is wrong with it once, goes on trying, and says when it is right", async () => {
      await using ec2 = await mock();
      await using sts = await fakeSts({
        "": (call) => (call.before < 5 ? call.response.writeHead(503).end() : ok(call)),
      });
      await using running = serve({ program, sts: `http://127.0.0.1:${sts.port}`, metadata: ec2.metadataUrl });
      await running.says(matching("http-503", "VPC endpoint", "no session can be issued yet"));
      await running.says(/STS answers"\}\n.*sessions can be issued now/, 30_000);
      assert.equal(running.stdout.match(/no session can be issued yet/g)?.length, 1);
    });

    it("is not even begun without the host's credentials, which is said with the remedy", async () => {
      await using running = serve({ program, sts: "http://127.0.0.1:1", metadata: "http://127.0.0.1:1" });
      await running.says(matching("ECONNREFUSED", "metadataUrl", "no session can be issued yet"));
      await running.says(/the host's own credentials cannot be read: no session can be issued/, 20_000);
    });
  });
}

async function mock() {
  const ec2 = await startMockEc2();
  return { metadataUrl: ec2.metadataUrl, [Symbol.asyncDispose]: () => ec2.close() };
}
