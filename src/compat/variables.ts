import type { Environment } from "./profile.ts";
import type { Reading } from "./reading.ts";
import type { Found } from "./translation.ts";

/** Only what the tool knows is looked at. */
export function readVariables(
  environment: Environment,
  tool: string,
  variables: Readonly<Record<string, Reading>>,
): readonly Found[] {
  return Object.entries(variables).flatMap(([name, reading]): Found[] => {
    const text = environment[name];
    return text === undefined ? [] : [{ place: placeOfVariables(tool, [name]), meaning: reading(text) }];
  });
}

export const placeOfVariables = (tool: string, names: readonly string[]): string =>
  `environment variable${names.length > 1 ? "s" : ""} ${names.join(" and ")} (${tool})`;
