import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Caller, CREDENTIALS, SIX_HOURS, TOKEN, TOKEN_PATH, TTL } from "./caller.ts";
import type { Field, Reply, Request } from "./exchange.ts";
import { startProtocolHost } from "./protocol-host.ts";

const strict = await startProtocolHost();
const lenient = await startProtocolHost({ flags: { "metadata-tokens": "optional" } });

after(async () => {
  await strict[Symbol.asyncDispose]();
  await lenient[Symbol.asyncDispose]();
});

const LEAF = "/latest/meta-data/instance-id";

const put = (caller: Caller, fields: readonly Field[], more: Partial<Request> = {}): Promise<Reply> =>
  caller.ask({ method: "PUT", target: TOKEN_PATH, fields, ...more });

const getWith = (caller: Caller, token: string, target = LEAF): Promise<Reply> =>
  caller.askPatiently({ target, fields: [[TOKEN, token]] });

test("item 1: PUT for 21600 seconds gives a token as text/plain: one word of 20 to 128 characters, no line feed", async () => {
  const reply = await put(strict.caller("web"), [[TTL, SIX_HOURS]]);
  assert.equal(reply.status, 200);
  assert.equal(reply.fields.get("content-type"), "text/plain");
  assert.match(reply.body, /^[A-Za-z0-9+/=_-]{20,128}$/);
  assert.equal((await getWith(strict.caller("web"), reply.body)).status, 200);
});

test("item 2: with the token comes its lifetime, the number asked for and nothing around it", async () => {
  for (const seconds of ["1", "300", SIX_HOURS]) {
    const { head } = await put(strict.caller("web"), [[TTL, seconds]]);
    assert.ok(head.includes(`\r\n${TTL}: ${seconds}\r\n`), head);
  }
});

test("item 3: a token of one second works and is 401 within two; every lifetime that SDKs ask for is given", async () => {
  const caller = strict.caller("web");
  const asked = performance.now();
  const token = await caller.newToken("1");
  const first = await getWith(caller, token);
  // On a machine that stood still for a second in between, the first answer cannot tell anything.
  if (performance.now() - asked < 900) assert.equal(first.status, 200);
  await sleep(2_000 - (performance.now() - asked));
  assert.equal((await getWith(caller, token)).status, 401);
  for (const seconds of ["10", "60", "300", "600", "3600", SIX_HOURS]) {
    const { status, fields } = await getWith(caller, await caller.newToken(seconds));
    assert.equal(status, 200);
    const left = Number(fields.get(TTL.toLowerCase()));
    assert.ok(left <= Number(seconds) && left >= Number(seconds) - 9, `${left} of ${seconds}`);
  }
});

test("item 4: 0, 21601, -1, abc, 1.5, nothing, +5 and 1e3 are 400; 0300 is 300, and blanks around a number are none", async () => {
  for (const seconds of ["0", "21601", "-1", "abc", "1.5", "", "+5", "1e3", "000000300", "３００"]) {
    const { status } = await put(strict.caller("web"), [[TTL, Buffer.from(seconds).toString("latin1")]]);
    assert.equal(status, 400, seconds);
  }
  assert.equal((await put(strict.caller("web"), [])).status, 400, "no field");
  for (const seconds of ["0300", "  300", "300  ", "\t300"]) {
    const { status, fields } = await put(strict.caller("web"), [[TTL, seconds]]);
    assert.equal(status, 200, JSON.stringify(seconds));
    assert.equal(fields.get(TTL.toLowerCase()), "300");
  }
});

test("item 5: PUT in each form that clients send it: bare, with length 0, as a form, chunked and expecting to go on", async () => {
  const life: Field = [TTL, SIX_HOURS];
  const forms: readonly Partial<Request>[] = [
    { fields: [life] },
    { fields: [life, ["Content-Length", "0"]] },
    { fields: [life, ["Content-Length", "0"], ["Content-Type", "application/x-www-form-urlencoded"]] },
    { fields: [life, ["Transfer-Encoding", "chunked"], ["Expect", "100-continue"]], body: "0\r\n\r\n" },
    { fields: [life], version: "1.0" },
  ];
  for (const form of forms) {
    const reply = await put(strict.caller("web"), [], form);
    assert.equal(reply.status, 200, JSON.stringify(form));
    assert.equal((await getWith(strict.caller("web"), reply.body)).status, 200);
  }
});

test("item 6: PUT with X-Forwarded-For, in any case and even empty, is 403 and gives no token", async () => {
  const life: Field = [TTL, SIX_HOURS];
  for (const name of ["X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR"]) {
    for (const value of ["203.0.113.9", "", "127.50.0.2"]) {
      const { status, body, fields } = await put(lenient.caller("web"), [life, [name, value]]);
      assert.equal(status, 403, `${name}: ${value}`);
      assert.doesNotMatch(body, /[A-Za-z0-9+/]{40}/);
      assert.equal(fields.get(TTL.toLowerCase()), undefined);
    }
  }
  assert.equal((await put(lenient.caller("web"), [life])).status, 200, "the same without the field");
});

test("item 7: PUT under a dated version is 403; a slash at the end of the token path means nothing; GET there is 405", async () => {
  const caller = strict.caller("web");
  const life: readonly Field[] = [[TTL, SIX_HOURS]];
  assert.equal((await put(caller, life, { target: "/2021-03-23/api/token" })).status, 403);
  const slashed = await put(caller, life, { target: `${TOKEN_PATH}/` });
  assert.equal(slashed.status, 200);
  assert.equal((await getWith(caller, slashed.body)).status, 200);
  for (const target of [TOKEN_PATH, `${TOKEN_PATH}/`]) {
    const { status, fields } = await caller.get(target);
    assert.equal(status, 405);
    assert.equal(fields.get("allow"), "PUT");
  }
});

test("item 8: a token of one workload is 401 for another, on every path", async () => {
  const token = await strict.caller("web").token();
  for (const target of ["/", LEAF, CREDENTIALS, `${CREDENTIALS}worker`, `${CREDENTIALS}web`]) {
    assert.equal((await getWith(strict.caller("worker"), token, target)).status, 401, target);
    assert.equal((await getWith(lenient.caller("worker"), await lenient.caller("web").token(), target)).status, 401);
  }
  assert.equal((await getWith(strict.caller("web"), token)).status, 200, "it was a good one");
});

test("item 9: a token that is garbage, expired or sent twice is 401 where none is needed, on GET / too", async () => {
  const caller = lenient.caller("web");
  const good = await caller.token();
  const old = await caller.newToken("1");
  await sleep(1_100);
  const altered = good.slice(0, 20) + (good[20] === "A" ? "B" : "A") + good.slice(21);
  for (const target of ["/", LEAF, CREDENTIALS]) {
    assert.equal((await caller.askPatiently({ target })).status, 200, "none is needed");
    for (const token of ["garbage", "", old, altered, `${good}, ${good}`, good.slice(0, -1)]) {
      assert.equal((await getWith(caller, token, target)).status, 401, `${target} with ${token}`);
    }
    const twice: readonly Field[] = [
      [TOKEN, good],
      [TOKEN.toUpperCase(), good],
    ];
    assert.equal((await caller.ask({ target, fields: twice })).status, 401);
  }
});

test("item 10: without a token, where one is required, GET is 401 and not 403", async () => {
  for (const target of ["/", LEAF, CREDENTIALS, `${CREDENTIALS}web`, "/latest/user-data", "/latest/nowhere"]) {
    assert.equal((await strict.caller("web").ask({ target })).status, 401, target);
  }
});

test("item 11: a token is good until its end, across a restart and a kill", async () => {
  const token = await strict.caller("web").newToken();
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await strict.restart(signal);
    assert.equal((await getWith(strict.caller("web"), token)).status, 200, signal);
    assert.equal((await getWith(strict.caller("worker"), token)).status, 401, signal);
  }
});

test("item 12: a thousand PUTs of one workload, fifty at a time, end no token, its own or another's", async () => {
  const own = await strict.caller("web").newToken();
  const others = await strict.caller("worker").newToken();
  const tokens = new Set<string>();
  const askTwenty = async (): Promise<void> => {
    for (let i = 0; i < 20; i += 1) tokens.add(await strict.caller("web").newToken(String(10_000 + tokens.size)));
  };
  await Promise.all(Array.from({ length: 50 }, askTwenty));
  const [first = "", last = ""] = [[...tokens][0], [...tokens].at(-1)];
  for (const token of [own, first, last]) assert.equal((await getWith(strict.caller("web"), token)).status, 200);
  assert.equal((await getWith(strict.caller("worker"), others)).status, 200);
});
