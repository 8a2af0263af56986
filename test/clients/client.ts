import type { Tokens } from "./lab/lane.ts";

/** How it is known which keys a client really used. */
export type Judge =
  /** By a call that it signed and that STS accepted. */
  | "sts"
  /** By a call that it signed to S3: whose key, and whose session token. */
  | "s3"
  /** It signs nothing here: by the key id that it prints. */
  | "key"
  /** It never asks for keys: by what it read of the metadata. */
  | "metadata";

export const CASE_NAMES = [
  "v2 required",
  "v2 optional",
  "rotated",
  "restarted",
  "first request cold",
  "STS hanging",
  "container endpoint",
  "IPv6",
] as const;
export type CaseName = (typeof CASE_NAMES)[number];

/** Why a case is another for this client; the reason is a sentence of docs/clients.md. */
export interface Deviation {
  /** "no credentials": that is what must happen. "left out": there is nothing to see. */
  readonly outcome: "no credentials" | "left out";
  readonly because: string;
}

/** Where SDKs look for the container endpoint: the address by its whole URL, or ECS's own by path alone. */
export type ContainerEndpoint = "full" | "relative";

/** One real client, unmodified. */
export interface Client {
  readonly name: string;
  readonly language: string;
  /** What it is, as people know it. */
  readonly is: string;
  /** A program that answers each line of its input with a line of JSON, or a command that is run once a question. */
  readonly program?: readonly string[];
  readonly command?: readonly string[];
  /** Prints its version, which is the first thing in the output that looks like one. */
  readonly version: readonly string[];
  readonly judge: Judge;
  /** Beside what every client has in its environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly containerEndpoint?: ContainerEndpoint;
  readonly ipv6?: boolean;
  /** Takes no keys that end sooner than this: how long the first session of "rotated" lasts, more than by default. */
  readonly firstSessionMs?: number;
  /** What the daemon asks for in the cases that are not about tokens. */
  readonly tokens?: Tokens;
  /** What is special about how it is run; a sentence or two of docs/clients.md. */
  readonly note?: string;
  readonly deviations?: Readonly<Partial<Record<CaseName, Deviation>>>;
}
