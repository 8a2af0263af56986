import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { promisify } from "node:util";
import { selfSigned } from "./certificate.ts";
import { connectProxy } from "./connect-proxy.ts";
import { type Behaviour, errorDocument, type FakeSts, fakeSts, session } from "./fake-sts.ts";
import { LIMITS } from "./wire-driver.ts";

const NAME = "sts.taskrole.test";
/** Of the region that the driver is in. */
const REGIONAL = "sts.eu-west-1.amazonaws.com";
const certificate = selfSigned("localhost", NAME, REGIONAL);
after(() => certificate[Symbol.dispose]());
const configFile = join(dirname(certificate.certFile), "config");
writeFileSync(
  configFile,
  "[profile work]\nendpoint_url = http://127.0.0.1:1\nuse_dualstack_endpoint = yes\nretry_mode = never\n",
);
/** What an operator's shell may hold, and a daemon should not hear of. */
const SHELL = {
  AWS_ENDPOINT_URL: "http://127.0.0.1:1",
  AWS_PROFILE: "work",
  AWS_CONFIG_FILE: configFile,
  AWS_SDK_LOAD_CONFIG: "1",
  AWS_REGION: "us-west-2",
  AWS_MAX_ATTEMPTS: "many",
  AWS_RETRY_MODE: "adaptive",
  AWS_DEFAULTS_MODE: "mobile",
  AWS_ACCESS_KEY_ID: "AKIASHELL",
  AWS_SECRET_ACCESS_KEY: "shell",
};
const GOOD = session({ id: "ASIAGOOD" });
const ok: Behaviour = ({ response }) => void response.end(GOOD);

const tlsSts = (does: Behaviour = ok): Promise<FakeSts> => fakeSts({ "": does }, certificate);
const at = (sts: FakeSts, host = "127.0.0.1"): string => `https://${host}:${sts.port}`;
const CA = { AWS_CA_BUNDLE: certificate.certFile };

const RUNTIMES = { Node: process.execPath, Bun: "node_modules/.bin/bun" };

for (const [runtime, program] of Object.entries(RUNTIMES)) {
  /** One list of outcomes for each round of flights; the same issuer all along. */
  const flights = async (endpoint: string, rounds: string, env: Readonly<Record<string, string>> = CA) => {
    const argv = ["test/sts/rounds-driver.ts", endpoint, rounds];
    const clean = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...env };
    const { stdout, stderr } = await promisify(execFile)(program, argv, { env: clean, timeout: 60_000 });
    assert.equal(stderr, "");
    return JSON.parse(stdout) as string[][];
  };

  describe(`connections to STS, on ${runtime}`, () => {
    it("are kept: three calls, one handshake", async () => {
      await using sts = await tlsSts();
      assert.deepEqual(await flights(at(sts), "1,1,1"), [["ASIAGOOD"], ["ASIAGOOD"], ["ASIAGOOD"]]);
      assert.deepEqual([sts.calls.get(""), sts.connections()], [3, 1]);
    });

    it("are as many as calls at once, up to 64", async () => {
      let now = 0;
      let most = 0;
      await using sts = await tlsSts(({ response }) => {
        now += 1;
        most = Math.max(most, now);
        setTimeout(() => {
          now -= 1;
          response.end(GOOD);
        }, LIMITS.firstTryMs / 3);
      });
      const [outcomes] = await flights(at(sts), "64");
      assert.deepEqual(new Set(outcomes), new Set(["ASIAGOOD"]));
      assert.ok(most > 50, `${most} at once`);
    });

    it("that died while they lay idle cost nobody a session, however many there are", async () => {
      await using sts = await tlsSts(({ onConnectionBefore, request, response }) => {
        if (onConnectionBefore > 0) request.socket.destroy();
        else setTimeout(() => response.end(GOOD), 100); // so that four at once are four connections
      });
      assert.deepEqual(await flights(at(sts), "4,1"), [Array(4).fill("ASIAGOOD"), ["ASIAGOOD"]]);
      assert.equal(sts.connections(), 5);
    });

    it("that went silent while they lay idle neither", async () => {
      await using sts = await tlsSts(({ onConnectionBefore, response }) => {
        if (onConnectionBefore === 0) setTimeout(() => response.end(GOOD), 100);
      });
      assert.deepEqual(await flights(at(sts), "4,1"), [Array(4).fill("ASIAGOOD"), ["ASIAGOOD"]]);
    });

    it("may take longer for the answer than for the connection", async () => {
      await using sts = await tlsSts(
        ({ response }) => void setTimeout(() => response.end(GOOD), LIMITS.connectMs * 1.5),
      );
      assert.deepEqual(await flights(at(sts), "1"), [["ASIAGOOD"]]);
      assert.equal(sts.calls.get(""), 1);
    });

    it("trust nobody by themselves", async () => {
      await using sts = await tlsSts();
      assert.deepEqual(await flights(at(sts), "1", {}), [["sts-unavailable DEPTH_ZERO_SELF_SIGNED_CERT"]]);
      assert.equal(sts.calls.get(""), undefined);
    });

    it("trust whom NODE_EXTRA_CA_CERTS names", async () => {
      await using sts = await tlsSts();
      assert.deepEqual(await flights(at(sts), "1", { NODE_EXTRA_CA_CERTS: certificate.certFile }), [["ASIAGOOD"]]);
    });

    it("say that AWS_CA_BUNDLE is not there", async () => {
      assert.deepEqual(await flights("https://127.0.0.1:1", "1", { AWS_CA_BUNDLE: "/nowhere.pem" }), [
        ["sts-unavailable ENOENT"],
      ]);
    });

    it("go to the region's own endpoint, whatever a shell's variables and files say", async () => {
      await using sts = await tlsSts();
      await using proxy = await connectProxy(() => sts.port);
      assert.deepEqual(await flights("", "1", { ...CA, ...SHELL, HTTPS_PROXY: proxy.url }), [["ASIAGOOD"]]);
      assert.deepEqual(proxy.asked, [`CONNECT ${REGIONAL}:443`]);
    });

    it("are not slowed down by AWS_RETRY_MODE: who throttles is waited for elsewhere", async () => {
      const cameAt: number[] = [];
      await using sts = await tlsSts(({ response }) => {
        cameAt.push(performance.now());
        response.writeHead(400).end(errorDocument("Throttling"));
      });
      await flights(at(sts), "1,1,1,1,1,1", { ...CA, AWS_RETRY_MODE: "adaptive" });
      assert.equal(cameAt.length, 6);
      const slowest = Math.max(...cameAt.slice(1).map((ms, i) => ms - (cameAt[i] ?? 0)));
      assert.ok(slowest < 1_000, `${slowest} ms between two`);
    });

    it("go where AWS_ENDPOINT_URL_STS says, and nowhere else that a shell's variables say", async () => {
      await using sts = await tlsSts();
      assert.deepEqual(
        await flights("", "1", { ...CA, ...SHELL, AWS_USE_FIPS_ENDPOINT: "true", AWS_ENDPOINT_URL_STS: at(sts) }),
        [["ASIAGOOD"]],
      );
      assert.deepEqual(await flights(at(sts), "1", { ...CA, ...SHELL, AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1" }), [
        ["ASIAGOOD"],
      ]);
    });
  });

  describe(`a proxy before STS, on ${runtime}`, () => {
    for (const variable of ["HTTPS_PROXY", "https_proxy"]) {
      it(`is used where ${variable} names it: it finds the name, and the connection is kept`, async () => {
        await using sts = await tlsSts();
        await using proxy = await connectProxy(() => sts.port);
        const came = await flights(at(sts, NAME), "1,1", {
          ...CA,
          [variable]: proxy.url.replace("//", "//user:pass@"),
        });
        assert.deepEqual(came, [["ASIAGOOD"], ["ASIAGOOD"]]);
        assert.deepEqual(proxy.asked, [`CONNECT ${NAME}:${sts.port}`]);
      });
    }

    it("is passed by where NO_PROXY says so", async () => {
      await using sts = await tlsSts();
      await using proxy = await connectProxy(() => sts.port);
      for (const no of ["localhost", "*", "other.test, localhost"]) {
        const env = { ...CA, HTTPS_PROXY: proxy.url, NO_PROXY: no };
        assert.deepEqual(await flights(at(sts, "localhost"), "1", env), [["ASIAGOOD"]], no);
      }
      assert.deepEqual(proxy.asked, []);
    });

    it("that never answers ends the flight, and is not left with connections that nobody waits for", async () => {
      let open = 0;
      await using proxy = await connectProxy(() => sts.port, 128);
      await using sts = await tlsSts(({ response }) => {
        open = proxy.open();
        response.end(GOOD);
      });
      const [silent, ...then] = await flights(at(sts, NAME), "64,1", { ...CA, HTTPS_PROXY: proxy.url });
      assert.deepEqual(new Set(silent), new Set(["sts-unavailable connect-timeout"]));
      assert.deepEqual([then, proxy.asked.length], [[["ASIAGOOD"]], 129]);
      assert.ok(open < 100, `${open} open, of which the first 64 are long over`);
    });

    it("that refuses is named", async () => {
      await using proxy = await connectProxy(() => 1);
      assert.deepEqual(await flights(`https://${NAME}`, "1", { ...CA, HTTPS_PROXY: proxy.url }), [
        ["sts-unavailable ERR_PROXY_TUNNEL"],
      ]);
    });
  });
}
