import { execFileSync } from "node:child_process";
import manifest from "../package.json" with { type: "json" };

/** As much of it as is read here. https://cyclonedx.org/docs/1.5/json/ */
interface Bill {
  readonly serialNumber: string;
  readonly metadata: { readonly tools: unknown; readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Component {
  readonly "bom-ref": string;
  readonly properties: readonly { readonly name: string }[];
}

const NPM_SBOM = ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application", "--package-lock-only"];

/**
 * What the executables are made of, in CycloneDX, from package-lock.json: what they need at run time, and Bun, which they run in.
 * Two of one commit are the same bytes, so what npm makes up for each (a number, the time, its own version, the folder's name) is
 * not in it. What only development needs is left out here, since npm's own --omit dev also leaves out what both need (npm 11.19: zod, yaml).
 *
 * @param committedAt of the commit, as ISO 8601
 */
export function billOfMaterials(committedAt: string): string {
  const written = JSON.parse(execFileSync("npm", NPM_SBOM, { encoding: "utf8", maxBuffer: 1 << 26 })) as Bill;
  const { serialNumber: _number, metadata: itsMetadata, ...bill } = written;
  const { tools: _tools, ...metadata } = itsMetadata;
  const component = { ...metadata.component, name: manifest.name };
  const components = bill.components.filter(isShipped);
  const refs = new Set([component, ...components].map((each) => each["bom-ref"]));
  const dependencies = bill.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
  const whole = {
    ...bill,
    metadata: { ...metadata, timestamp: committedAt, component },
    components: [...components, bunComponent(manifest.devDependencies.bun)],
    dependencies,
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

const isShipped = ({ properties }: Component): boolean =>
  !properties.some(({ name }) => name === "cdx:npm:package:development");

const bunComponent = (version: string): object => ({
  "bom-ref": `bun@${version}`,
  type: "framework",
  name: "bun",
  version,
  purl: `pkg:npm/bun@${version}`,
  description: "the runtime that the executables contain; not in the npm package",
  licenses: [{ license: { id: "MIT" } }],
});
