import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { type Behaviour, errorDocument, type FakeSts, fakeSts, session } from "./fake-sts.ts";
import { LIMITS, type Outcome, outcomes } from "./wire-driver.ts";

const xml = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Behaviour => {
  return ({ response }) => void response.writeHead(status, { "Content-Type": "text/xml", ...headers }).end(body);
};
const error = (status: number, code: string, headers = {}): Behaviour => xml(status, errorDocument(code), headers);
const ok = xml(200, session({ id: "ASIAGOOD" }));
const firstThen =
  (first: Behaviour, then: Behaviour): Behaviour =>
  (call) =>
    (call.before === 0 ? first : then)(call);
const silence: Behaviour = () => {};
const reset: Behaviour = ({ request }) => void request.socket.resetAndDestroy();
const halfAnswer =
  (end: "reset" | "silence"): Behaviour =>
  ({ request, response }) => {
    response.writeHead(200, { "Content-Length": "5000" }).write("<AssumeRoleResponse");
    if (end === "reset") setTimeout(() => request.socket.resetAndDestroy(), 50);
  };
const HTML = "<html><body><h1>Bad Gateway</h1><p>proxy.corp</body>";

interface Row {
  readonly does: Behaviour;
  readonly ends: string;
  readonly calls: number;
  readonly because: string;
  readonly retryAfterMs?: number;
}

const ROWS: Readonly<Record<string, Row>> = {
  good: { does: ok, ends: "ASIAGOOD", calls: 1, because: "nothing is wrong" },
  late: {
    does: ({ response }) => void setTimeout(() => response.end(session({ id: "ASIALATE" })), LIMITS.firstTryMs * 0.4),
    ends: "ASIALATE",
    calls: 1,
    because: "slow is not broken",
  },
  slow: {
    does: ({ response }) => void setTimeout(() => response.end(session({ id: "ASIASLOW" })), LIMITS.firstTryMs * 1.4),
    ends: "ASIASLOW",
    calls: 2,
    because: "the second try waits longer than the first",
  },
  "silent-once": { does: firstThen(silence, ok), ends: "ASIAGOOD", calls: 2, because: "a hung call is tried again" },
  silent: { does: silence, ends: "sts-unavailable answer-timeout", calls: 2, because: "two tries, and no more" },
  "reset-once": { does: firstThen(reset, ok), ends: "ASIAGOOD", calls: 2, because: "a reset may pass" },
  reset: { does: reset, ends: "sts-unavailable ECONNRESET", calls: 2, because: "it does not pass" },
  "half-reset": {
    does: halfAnswer("reset"),
    ends: "sts-unavailable ECONNRESET",
    calls: 2,
    because: "half a session is none",
  },
  "half-silent": {
    does: halfAnswer("silence"),
    ends: "sts-unavailable answer-timeout",
    calls: 2,
    because: "the limit is for the body too",
  },
  "half-once": { does: firstThen(halfAnswer("reset"), ok), ends: "ASIAGOOD", calls: 2, because: "it may pass" },
  malformed: {
    does: xml(200, "<AssumeRoleResponse><Assume"),
    ends: "sts-unavailable answer-unreadable",
    calls: 2,
    because: "it is no XML",
  },
  empty: { does: xml(200, ""), ends: "sts-unavailable answer-without-credentials", calls: 2, because: "it is nothing" },
  "error-in-200": {
    does: error(200, "Throttling"),
    ends: "sts-unavailable answer-without-credentials",
    calls: 2,
    because: "it is no session, whatever else it says",
  },
  "html-200": {
    does: xml(200, "<html><body>Please log in</body></html>", { "Content-Type": "text/html" }),
    ends: "sts-unavailable answer-without-credentials",
    calls: 2,
    because: "a captive proxy's page",
  },
  "html-502": {
    does: xml(502, HTML, { "Content-Type": "text/html" }),
    ends: "sts-unavailable http-502",
    calls: 2,
    because: "a proxy's page",
  },
  "json-503": {
    does: xml(503, '{"message":"no"}', { "Content-Type": "application/json" }),
    ends: "sts-unavailable http-503",
    calls: 2,
    because: "a load balancer's",
  },
  "error-500": {
    does: error(500, "InternalFailure"),
    ends: "sts-unavailable InternalFailure",
    calls: 2,
    because: "STS's own trouble",
  },
  "error-503-once": {
    does: firstThen(error(503, "ServiceUnavailable"), ok),
    ends: "ASIAGOOD",
    calls: 2,
    because: "it passed",
  },
  "bare-403": { does: xml(403, ""), ends: "sts-unavailable http-403", calls: 2, because: "a firewall's, not STS's" },
  "bare-404": { does: xml(404, ""), ends: "sts-unavailable http-404", calls: 2, because: "not STS at all" },
  redirect: {
    does: xml(302, "", { Location: "http://127.0.0.1:1/" }),
    ends: "sts-unavailable http-302",
    calls: 2,
    because: "signed requests go nowhere else",
  },
  "text-as-code": {
    does: error(400, "your key wJalrXUtnFEMI/K7MDENG is wrong"),
    ends: "sts-unavailable http-400",
    calls: 2,
    because: "a code is a word; no text of others gets into it",
  },
  "access-denied": { does: error(403, "AccessDenied"), ends: "sts-denied AccessDenied", calls: 1, because: "a policy" },
  validation: {
    does: error(400, "ValidationError"),
    ends: "sts-denied ValidationError",
    calls: 1,
    because: "a setting",
  },
  "region-off": {
    does: error(403, "RegionDisabledException"),
    ends: "sts-denied RegionDisabledException",
    calls: 1,
    because: "STS is off in that region",
  },
  throttled: {
    does: error(400, "Throttling"),
    ends: "sts-throttled Throttling",
    calls: 1,
    because: "more calls are no cure",
  },
  "throttled-seconds": {
    does: error(400, "ThrottlingException", { "Retry-After": "7" }),
    ends: "sts-throttled ThrottlingException",
    calls: 1,
    retryAfterMs: 7_000,
    because: "STS says how long",
  },
  "throttled-date": {
    does: error(503, "SlowDown", {
      Date: "Fri, 02 Jan 2026 03:04:05 GMT",
      "Retry-After": "Fri, 02 Jan 2026 03:04:25 GMT",
    }),
    ends: "sts-throttled SlowDown",
    calls: 1,
    retryAfterMs: 20_000,
    because: "a date counts from the answer's own, whatever this host's clock",
  },
  "throttled-past": {
    does: error(400, "Throttling", { "Retry-After": "Fri, 02 Jan 2015 03:04:25 GMT" }),
    ends: "sts-throttled Throttling",
    calls: 1,
    retryAfterMs: 0,
    because: "it is over",
  },
  "throttled-rubbish": {
    does: error(400, "Throttling", { "Retry-After": "soon" }),
    ends: "sts-throttled Throttling",
    calls: 1,
    because: "it says nothing",
  },
  "html-429": {
    does: xml(429, HTML, { "Content-Type": "text/html" }),
    ends: "sts-throttled http-429",
    calls: 1,
    because: "the status says it",
  },
  "another's": {
    does: xml(200, session({ id: "ASIAOTHER", arn: "arn:aws:sts::111122223333:assumed-role/admin/web" })),
    ends: "sts-unavailable answer-of-another-session",
    calls: 2,
    because: "a session goes to nobody but who it was asked for",
  },
  past: {
    does: xml(200, session({ id: "ASIAPAST", expiration: "2020-01-01T00:00:00Z" })),
    ends: "sts-unavailable session-already-over",
    calls: 1,
    because: "nothing expired is ever served",
  },
  "clock-ahead": {
    does: xml(200, session({ id: "ASIAPAST", expiration: "2020-01-01T01:00:00Z" }), {
      Date: "Wed, 01 Jan 2020 00:00:00 GMT",
    }),
    ends: "sts-unavailable clock-ahead",
    calls: 1,
    because: "by this host's clock it is over",
  },
  "no-date": {
    does: xml(200, session({ id: "ASIAGOOD", expiration: "yesterday" })),
    ends: "sts-unavailable answer-unreadable",
    calls: 2,
    because: "an end that is no date is no end",
  },
};

const runtimes: Readonly<Record<string, (base: string, rows: readonly string[]) => ReturnType<typeof outcomes>>> = {
  Node: outcomes,
  Bun: async (base, rows) => {
    const argv = ["test/sts/wire-driver.ts", base, ...rows];
    const { stdout } = await promisify(execFile)("node_modules/.bin/bun", argv, { timeout: 120_000 });
    return JSON.parse(stdout);
  },
};

for (const [runtime, run] of Object.entries(runtimes)) {
  describe(`one flight to STS, on ${runtime}`, () => {
    let sts: FakeSts;
    let came: Readonly<Record<string, Outcome>>;
    /** Takes connections and says nothing, not even TLS. */
    const mute = createServer();
    let muteUrl = "";

    before(async () => {
      sts = await fakeSts(Object.fromEntries(Object.entries(ROWS).map(([name, { does }]) => [name, does])));
      await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
      muteUrl = `https://127.0.0.1:${(mute.address() as { port: number }).port}`;
      came = await run(`http://127.0.0.1:${sts.port}`, [...Object.keys(ROWS), "http://127.0.0.1:1", muteUrl]);
    });
    after(async () => {
      mute.close();
      await sts[Symbol.asyncDispose]();
    });

    for (const [name, { ends, calls, because, retryAfterMs }] of Object.entries(ROWS)) {
      it(`ends with ${ends} after ${calls} ${calls === 1 ? "call" : "calls"} where STS is ${name}: ${because}`, () => {
        assert.deepEqual([came[name]?.text, sts.calls.get(name)], [ends, calls]);
        assert.equal(came[name]?.retryAfterMs, retryAfterMs);
      });
    }

    it("says who did not listen", () => {
      assert.equal(came["http://127.0.0.1:1"]?.text, "sts-unavailable ECONNREFUSED");
    });

    it("ends though the other side takes the connection and never speaks TLS", () => {
      assert.equal(came[muteUrl]?.text, "sts-unavailable answer-timeout");
    });

    it("ends in bounded time whatever STS does", () => {
      const slowest = Math.max(...Object.values(came).map(({ tookMs }) => tookMs));
      assert.ok(slowest < LIMITS.flightMs, `${slowest} ms`);
    });
  });
}
