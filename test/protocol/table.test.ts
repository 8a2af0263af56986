import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Reply } from "./exchange.ts";
import { type Exchange, ROWS, type TokensSetting } from "./table.ts";
import { openVenue, type Venue } from "./venue.ts";

const venues: Readonly<Record<TokensSetting, Venue>> = {
  required: await openVenue({ tokens: "required" }),
  optional: await openVenue({ tokens: "optional" }),
};

after(async () => {
  for (const { host } of Object.values(venues)) await host[Symbol.asyncDispose]();
});

for (const { title, tokens, exchanges } of ROWS) {
  test(title, async () => {
    const settings = tokens ? [tokens] : (["required", "optional"] as const);
    await Promise.all(
      settings.flatMap((setting) =>
        exchanges.map(async (exchange) => {
          assertAsSaid(exchange, await venues[setting].ask(exchange), setting);
        }),
      ),
    );
  });
}

function assertAsSaid(exchange: Exchange, reply: Reply, setting: TokensSetting): void {
  const { from, request, token, status, body, fields = {} } = exchange;
  const what = `${JSON.stringify({ from, ...request, token })}, tokens ${setting}: ${reply.head}${reply.body}`;
  assert.equal(reply.status, status, what);
  if (typeof body === "string") assert.equal(reply.body, body, what);
  else if (body) assert.match(reply.body, body, what);
  for (const [name, wanted] of Object.entries(fields)) {
    const value = reply.fields.get(name);
    if (wanted instanceof RegExp) assert.match(value ?? "", wanted, what);
    else assert.equal(value, wanted ?? undefined, what);
  }
  const isContinued = request.fields?.some(([name, value]) => name === "Expect" && value === "100-continue");
  assert.equal(reply.interim, isContinued ? "HTTP/1.1 100 Continue\r\n\r\n" : "", what);
}
