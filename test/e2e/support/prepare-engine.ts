import { createEngine, demandSetup, type Engine, IMAGES, type ImageName, importImages } from "./engine.ts";
import { createInstance } from "./instance.ts";
import { createPodman } from "./podman.ts";
import { engineName } from "./settings.ts";

/** The last step of scripts/e2e-setup.sh: proves that the engines start, and gives them their images. */
demandSetup();
const instance = await createInstance();
try {
  await prepare("Docker Engine", await createEngine(instance), Object.keys(IMAGES) as ImageName[]);
  if (engineName === "debian") await prepare("podman", await createPodman(instance), ["small", "aws"]);
} finally {
  await instance.remove();
}

async function prepare(what: string, engine: Engine, images: readonly ImageName[]): Promise<void> {
  await engine.start();
  await engine.removeEverything();
  const imported = await importImages(engine.docker, images);
  const version = await engine.docker("version", "--format", "{{.Server.Version}}, API {{.Server.APIVersion}}");
  console.log(`e2e-setup: ${what} ${version}; images imported: ${imported.join(", ") || "none, all there"}`);
  await engine.stop();
}
