import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

/** A folder may import only from the lines above its own. */
const LAYERS = [
  ["kit", "core"],
  ["broker", "http"],
  ["docker", "kernel", "sts", "upstream", "metadata", "audit", "admin", "mock-ec2", "compat"],
  ["app"],
  ["probe"],
  ["demo", "install", "smoke"],
  ["cli"],
];

const rank = (folder: string): number => LAYERS.findIndex((layer) => layer.includes(folder));
const folderOf = (file: string): string => file.split("/")[0] ?? "";

const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({ file, text: readFileSync(`src/${file}`, "utf8") }));

/** Static, dynamic and side-effect imports alike. */
const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, target = ""]) => target);

test("every folder of src/ has its place in the layers", () => {
  const strays = [...new Set(sources.map(({ file }) => folderOf(file)))].filter((folder) => rank(folder) === -1);
  assert.deepEqual(strays, []);
});

test("imports point only to lower layers", () => {
  const wrong = sources.flatMap(({ file, text }) =>
    importsOf(text)
      .filter((target) => target.startsWith("../") && target.endsWith(".ts"))
      .map((target) => folderOf(target.replace(/^(\.\.\/)+/, "")))
      .filter((to) => rank(to) === -1 || rank(to) >= rank(folderOf(file)))
      .map((to) => `${file} imports ${to}/`),
  );
  assert.deepEqual(wrong, []);
});

test("core decides and does no I/O: it imports nothing from outside and reads no clock", () => {
  const wrong = sources
    .filter(({ file }) => folderOf(file) === "core")
    .flatMap(({ file, text }) => [
      ...importsOf(text)
        .filter((target) => !target.startsWith("./"))
        .map((target) => `${file} imports ${target}`),
      ...(/\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\./.test(text) ? [`${file} reads the world`] : []),
    ]);
  assert.deepEqual(wrong, []);
});

test("there are no barrels, no utils and no lib", () => {
  assert.deepEqual(
    sources
      .map(({ file }) => file)
      .filter((file) => /(^|\/)index\.ts$|(^|\/)(utils?|lib|helpers?)(\/|\.ts$)/.test(file)),
    [],
  );
});
