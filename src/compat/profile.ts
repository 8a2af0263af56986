import type { Setting } from "../kit/setting.ts";
import type { Translation } from "./translation.ts";

/** Only what a tool knows is looked at. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How another tool was told what to do, and what that comes to here. */
export interface Profile {
  /** Weaker than all that anybody wrote: what its containers and its packet rules count on. */
  readonly defaults: readonly Setting[];
  /** True where its containers say things that only this profile reads. */
  readonly isForContainers: boolean;
  fromEnvironment(environment: Environment): Translation;
  /** @param ownFlags taskrole's, which may have been meant */
  fromArguments(args: readonly string[], ownFlags: readonly string[]): Translation;
}

/** @param port that its documented start line listens on */
export const defaultsOf = (tool: string, port: number): readonly Setting[] => {
  const place = `compat ${tool}`;
  return [
    { name: "listen", value: `[::]:${port}`, place },
    { name: "metadataTokens", value: "optional", place }, // clients that only speak version 1 had credentials with it
  ];
};
