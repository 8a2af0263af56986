import { createEngine, demandSetup, importImages } from "./engine.ts";
import { createInstance } from "./instance.ts";

/** The last step of scripts/e2e-setup.sh: proves that the engine starts, and gives it its images. */
demandSetup();
const instance = await createInstance();
try {
  const engine = await createEngine(instance);
  await engine.start();
  await engine.removeEverything();
  const imported = await importImages(engine.docker);
  const version = await engine.docker("version", "--format", "{{.Server.Version}}, API {{.Server.APIVersion}}");
  console.log(`e2e-setup: Docker Engine ${version}; images imported: ${imported.join(", ") || "none, all there"}`);
  await engine.stop();
} finally {
  await instance.remove();
}
