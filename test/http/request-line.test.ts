import assert from "node:assert/strict";
import { METHODS } from "node:http";
import { test } from "node:test";
import { RequestError } from "../../src/http/request-error.ts";
import { takeRequestLine } from "../../src/http/request-line.ts";
import { inputOf } from "./input-of.ts";

const parsed = (line: string) => takeRequestLine(inputOf(`${line}\r\n`));

// biome-ignore format: one row a line
const ACCEPTED: readonly [line: string, method: string, target: string, version: string][] = [
  ["GET / HTTP/1.1",                                   "GET",      "/",                                   "1.1"],
  ["GET / HTTP/1.0",                                   "GET",      "/",                                   "1.0"],
  ["PUT /latest/api/token HTTP/1.1",                   "PUT",      "/latest/api/token",                   "1.1"],
  ["GET //latest/meta-data/iam/info HTTP/1.1",         "GET",      "//latest/meta-data/iam/info",         "1.1"],
  ["GET /a/../b/./%2e%2F?q=%00#f HTTP/1.1",            "GET",      "/a/../b/./%2e%2F?q=%00#f",            "1.1"],
  ["GET /!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ HTTP/1.1", "GET",      "/!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "1.1"],
  ["GET http://169.254.169.254/latest/ HTTP/1.1",      "GET",      "http://169.254.169.254/latest/",      "1.1"],
  ["GET http://[fd00:ec2::254]:80?x HTTP/1.1",         "GET",      "http://[fd00:ec2::254]:80?x",         "1.1"],
  ["OPTIONS * HTTP/1.1",                               "OPTIONS",  "*",                                   "1.1"],
  ["CONNECT 169.254.169.254:80 HTTP/1.1",              "CONNECT",  "169.254.169.254:80",                  "1.1"],
  ["M-SEARCH / HTTP/1.1",                              "M-SEARCH", "/",                                   "1.1"],
];

for (const [line, method, target, version] of ACCEPTED) {
  test(`reads ${line}`, () => assert.deepEqual(parsed(line), { method, target, version }));
}

const LINE = /method/;
const TARGET = /^request target/;
const VERSION = /^HTTP version/;

// biome-ignore format: one row a line
const REFUSED: readonly [reason: RegExp, line: string, because: string][] = [
  [LINE,    "",                                "nothing there"],
  [LINE,    "GET",                             "a method alone"],
  [TARGET,  "GET /",                           "HTTP/0.9"],
  [LINE,    " GET / HTTP/1.1",                 "a space first"],
  [TARGET,  "GET  / HTTP/1.1",                 "two spaces before the target"],
  [LINE,    "GET /  HTTP/1.1",                 "two spaces after the target"],
  [LINE,    "GET / HTTP/1.1 ",                 "a space last"],
  [LINE,    "GET /a b HTTP/1.1",               "a space in the target"],
  [LINE,    "GET\t/ HTTP/1.1",                 "a tab for a space"],
  [TARGET,  "GET /\ta HTTP/1.1",               "a tab in the target"],
  [TARGET,  "GET /\0 HTTP/1.1",                "NUL in the target"],
  [TARGET,  "GET /\r HTTP/1.1",                "a bare CR in the target"],
  [TARGET,  "GET /\x7f HTTP/1.1",              "DEL in the target"],
  [TARGET,  "GET /\x80 HTTP/1.1",              "a byte above ASCII in the target"],
  [TARGET,  "GET /\xc0\xae HTTP/1.1",          "overlong UTF-8 in the target"],
  [TARGET,  "GET latest/meta-data HTTP/1.1",   "neither path nor URL"],
  [TARGET,  "GET ?x HTTP/1.1",                 "a query alone"],
  [TARGET,  "GET *x HTTP/1.1",                 "more than the asterisk"],
  [TARGET,  "GET http:///latest HTTP/1.1",     "a URL without authority"],
  [TARGET,  "GET http://a@b@c/ HTTP/1.1",      "user information in the authority"],
  [TARGET,  "GET ftp://h/ HTTP/1.1",           "another scheme"],
  [TARGET,  "GET h:80 HTTP/1.1",               "authority form without CONNECT"],
  [TARGET,  "CONNECT / HTTP/1.1",              "CONNECT to a path"],
  [LINE,    "get / HTTP/1.1",                  "a method in lower case"],
  [LINE,    "Get / HTTP/1.1",                  "a method in mixed case"],
  [LINE,    "GETS / HTTP/1.1",                 "a method nobody knows"],
  [LINE,    "PRI * HTTP/2.0",                  "the preface of HTTP/2"],
  [LINE,    "GET / http/1.1",                  "the version in lower case"],
  [LINE,    "GET / HTTP/1",                    "half a version"],
  [LINE,    "GET / HTTP/1.10",                 "a version of three digits"],
  [LINE,    "GET / HTTP/+1.1",                 "a sign in the version"],
  [LINE,    "GET / ICE/1.0",                   "another protocol"],
  [VERSION, "GET / HTTP/0.9",                  "too old"],
  [VERSION, "GET / HTTP/1.2",                  "not yet"],
  [VERSION, "GET / HTTP/2.0",                  "another framing"],
];

for (const [reason, line, because] of REFUSED) {
  test(`refuses ${JSON.stringify(line)}: ${because}`, () => {
    const outcome = parsed(line);
    assert.ok(outcome instanceof RequestError);
    assert.match(outcome.reason, reason);
  });
}

test("every method of node:http is read, but those Node learnt later, and no other", () => {
  const isRead = (method: string): boolean =>
    !(parsed(`${method} ${method === "CONNECT" ? "h:1" : "/"} HTTP/1.1`) instanceof RequestError);
  assert.deepEqual(
    METHODS.filter((method) => !isRead(method)),
    ["QUERY"],
  );
});

test("what follows the line is left, and nothing is taken of a line that is refused", () => {
  const input = inputOf("GET / HTTP/1.1\r\nHost: a\r\n");
  takeRequestLine(input);
  assert.equal(input.text.slice(input.at), "Host: a\r\n");
  const refused = inputOf("get / HTTP/1.1\r\n");
  takeRequestLine(refused);
  assert.equal(refused.at, 0);
});

test("a line that ends too soon is not completed by the next", () => {
  for (const text of [
    "GET\r\n / HTTP/1.1\r\n",
    "GET /\r\n HTTP/1.1\r\n",
    "GET / HTTP/1.1\n\r\n",
    "GET / HTTP/1.1\r\r\n",
  ]) {
    assert.ok(takeRequestLine(inputOf(text)) instanceof RequestError, JSON.stringify(text));
  }
});
