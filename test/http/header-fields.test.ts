import assert from "node:assert/strict";
import { test } from "node:test";
import { type HeaderFields, takeField } from "../../src/http/header-fields.ts";
import { RequestError } from "../../src/http/request-error.ts";
import { inputOf } from "./input-of.ts";

const add = (fields: HeaderFields, line: string) => takeField(inputOf(`${line}\r\n`), fields);

// biome-ignore format: one row a line
const ACCEPTED: readonly [line: string, name: string, value: string][] = [
  ["Host: 169.254.169.254",             "host",       "169.254.169.254"],
  ["X-aws-EC2-metadata-Token:abc==",    "x-aws-ec2-metadata-token", "abc=="],
  ["User-Agent:",                       "user-agent", ""],
  ["User-Agent: \t ",                   "user-agent", ""],
  ["user_agent: x",                     "user_agent", "x"],
  ["A: \t b \t c  ",                    "a",          "b \t c"],
  ["A: b:c",                            "a",          "b:c"],
  ["A: \xa0b\xff\xa0",                  "a",          "\xa0b\xff\xa0"],
  ["__proto__: x",                      "__proto__",  "x"],
  ["!#$%&'*+-.^_`|~09AZaz: x",          "!#$%&'*+-.^_`|~09azaz", "x"],
];

for (const [line, name, value] of ACCEPTED) {
  test(`reads ${JSON.stringify(line)}`, () => {
    const fields: HeaderFields = new Map();
    assert.equal(add(fields, line), undefined);
    assert.deepEqual([...fields], [[name, [value]]]);
  });
}

// biome-ignore format: one row a line
const REFUSED: readonly [line: string, because: string][] = [
  [" folded",       "obs-fold by a space"],
  ["\tfolded",      "obs-fold by a tab"],
  ["Host",          "no colon"],
  [": x",           "no name"],
  ["Host : x",      "a space before the colon"],
  ["Host\t: x",     "a tab before the colon"],
  ["Ho st: x",      "a space in the name"],
  ["H\xe9: x",      "a byte above ASCII in the name"],
  ["(a): x",        "a delimiter in the name"],
  ["H\0: x",        "NUL in the name"],
  ["A: b\0c",       "NUL in the value"],
  ["A: b\rc",       "a bare CR in the value"],
  ["A: b\r",        "a bare CR at the end"],
  ["A: b\x7f",      "DEL in the value"],
  ["A: \x01",       "a control byte in the value"],
  ["A: b\t",        "a tab after the value, which hides `chunked` from node:http"],
  ["A: b \t ",      "a tab among the spaces after the value"],
  ["A: \x0b",       "a vertical tab is no white space"],
];

for (const [line, because] of REFUSED) {
  test(`refuses ${JSON.stringify(line)}: ${because}`, () => {
    const fields: HeaderFields = new Map();
    assert.ok(add(fields, line) instanceof RequestError);
    assert.equal(fields.size, 0);
  });
}

test("the values of a repeated field stay apart, in order, whatever the case of its name", () => {
  const fields: HeaderFields = new Map();
  for (const line of ["Token: a", "other: x", "TOKEN: b, c", "token: a"]) add(fields, line);
  assert.deepEqual(fields.get("token"), ["a", "b, c", "a"]);
});

test("what follows the line is left; a line that ends too soon is not completed by the next", () => {
  const input = inputOf("A: b\r\nC: d\r\n");
  takeField(input, new Map());
  assert.equal(input.text.slice(input.at), "C: d\r\n");
  for (const text of ["A: b\nC: d\r\n", "A: b\r\r\n", "A\r\n: b\r\n", "A: b\n\r\n"]) {
    assert.ok(takeField(inputOf(text), new Map()) instanceof RequestError, JSON.stringify(text));
  }
});
