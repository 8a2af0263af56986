import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ROWS } from "./table.ts";

/** The protocol's table of requests has 30 rows, its checklist 49 items; each is a test that names its number. */
const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, i) => i + 1);

const texts = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => readFileSync(`${import.meta.dirname}/${file}`, "utf8"));

test("every row of the table, R1 to R30, is there, once and in order, and asks at least one request", () => {
  assert.deepEqual(
    ROWS.map(({ title }) => Number(/^R(\d+): \S/.exec(title)?.[1])),
    upTo(30),
  );
  for (const { title, exchanges } of ROWS) assert.ok(exchanges.length > 0, title);
  const askers = texts.filter((text) => /of ROWS\) \{\s*test\([^)]*title/.test(text));
  assert.equal(askers.length, 2, "the table is asked over IPv4, and over both families");
});

test("every item of the checklist, 1 to 49, is the title of a test", () => {
  const titled = texts.flatMap((text) =>
    [...text.matchAll(/\btest\(\s*["`]item (\d+): \S/g)].map(([, number]) => Number(number)),
  );
  const missing = upTo(49).filter((number) => !titled.includes(number));
  assert.deepEqual(missing, []);
  assert.deepEqual(
    titled.filter((number) => number > 49),
    [],
  );
});
