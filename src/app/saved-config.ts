import { isDeepStrictEqual } from "node:util";
import { Document, Scalar, YAMLMap } from "yaml";
import { configOf, type LoadedConfig } from "./config.ts";
import { OPTION_NAMES } from "./options.ts";
import { profileOf } from "./other-tool.ts";

/**
 * The file that says the same without the other tool's variables and flags: what differs from the defaults, each with where it
 * came from. `compat` stays in it only where containers say things that the profile alone reads.
 */
export function savedConfig({ config, settings }: LoadedConfig): string {
  const profile = profileOf(config.compat);
  const staying = profile?.isForContainers ? profile.defaults : [];
  const bases = [configOf([]), configOf(staying)]; // the second is what such a file begins with; to say both lets compat go later
  const map = new YAMLMap();
  for (const name of OPTION_NAMES) {
    const written = settings.find((one) => one.name === name);
    const isDefault = bases.every((base) => isDeepStrictEqual(config[name], base[name]));
    const isLeftOut = name === "compat" && !profile?.isForContainers;
    if (!written || isDefault || isLeftOut) continue;
    const key = new Scalar(name);
    key.commentBefore = ` ${written.place}`;
    map.set(key, written.value);
  }
  const document = new Document(map);
  document.commentBefore = ` What ${config.compat} was told, as taskrole's own settings`;
  return document.toString({ lineWidth: 0 });
}
