import { PLACES } from "../src/install/places.ts";
import { unitTexts } from "../src/install/units.ts";

/** deploy/systemd/, by name: as `taskrole install` writes them where the settings say nothing else. */
export const deployedUnits = (): Readonly<Record<string, string>> =>
  unitTexts({
    program: PLACES.program,
    listen: { host: "::", port: 9254 },
    dockerGroup: "docker",
    tellsOfScopes: true,
  });
