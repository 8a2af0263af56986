import { execFileSync } from "node:child_process";
import manifest from "../package.json" with { type: "json" };

/** As much of it as is read here. https://cyclonedx.org/docs/1.5/json/ */
interface Bill {
  readonly serialNumber: string;
  readonly metadata: { readonly tools: unknown };
  readonly components: readonly object[];
}

/**
 * What the executables are made of, in CycloneDX, from package-lock.json: what they need at run time, and Bun, which they run in.
 * Two of one commit are the same bytes, so what npm makes up for each (a number, the time, its own version) is not in it.
 *
 * @param committedAt of the commit, as ISO 8601
 */
export function billOfMaterials(committedAt: string): string {
  const args = ["sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only"];
  const written = JSON.parse(execFileSync("npm", args, { encoding: "utf8", maxBuffer: 1 << 26 })) as Bill;
  const { serialNumber: _number, metadata: itsMetadata, ...bill } = written;
  const { tools: _tools, ...metadata } = itsMetadata;
  const components = [...bill.components, bunComponent(manifest.devDependencies.bun)];
  return `${JSON.stringify({ ...bill, metadata: { ...metadata, timestamp: committedAt }, components }, null, 2)}\n`;
}

const bunComponent = (version: string): object => ({
  "bom-ref": `bun@${version}`,
  type: "framework",
  name: "bun",
  version,
  purl: `pkg:npm/bun@${version}`,
  description: "the runtime that the executables contain; not in the npm package",
  licenses: [{ license: { id: "MIT" } }],
});
