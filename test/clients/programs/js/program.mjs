import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);

/** For each line of standard input it asks afresh and prints one line of JSON; `--version` prints the package's. */
export async function serve(packageName, ask) {
  if (process.argv.includes("--version")) {
    console.log(require(`./node_modules/${packageName}/package.json`).version);
    return;
  }
  for await (const _ of createInterface({ input: process.stdin })) {
    const answer = await ask().catch((error) => ({ error: `${error.name}: ${error.message}` }));
    console.log(JSON.stringify(answer));
  }
}
