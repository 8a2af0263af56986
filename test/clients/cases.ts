import assert from "node:assert/strict";
import { eventually } from "../e2e/support/programs.ts";
import type { CaseName, Client } from "./client.ts";
import { EC2 } from "./lab/addresses.ts";
import type { Trial } from "./trial.ts";

/** What is done to a client, and what must come of it. */
export interface Case {
  readonly name: CaseName;
  /** What must come of it, as the title of a test. */
  readonly title: string;
  /** Undefined: what the client is given otherwise. */
  readonly tokens?: "required" | "optional";
  /** Needs a process of its own, with this in its environment. */
  readonly env?: (client: Client) => Readonly<Record<string, string>>;
  /** Whether the client has what this is about. */
  readonly concerns?: (client: Client) => boolean;
  readonly run: (trial: Trial) => Promise<void>;
}

/** Of the first session of a rotated role: less than any SDK's own cache would keep it, longer than a start of Java. */
const SHORT_SESSION_MS = 8_000;
/** The longest of them, and some more. */
const RENEWAL_MS = 30_000;
const SLOW_STS_MS = 200;

const served = async (trial: Trial): Promise<void> => {
  trial.appear();
  await trial.askAsRole();
};

export const CASES: readonly Case[] = [
  { name: "v2 required", title: "its role's credentials where tokens are required", tokens: "required", run: served },
  { name: "rotated", title: "other keys of the same role once the session was renewed", run: rotated },
  { name: "restarted", title: "its role's credentials after the daemon was killed and started again", run: restarted },
  { name: "first request cold", title: "its role's credentials in a container that has just begun", run: cold },
  { name: "STS hanging", title: "an end, and an answer to every request, while STS hangs", run: hanging },
  {
    name: "container endpoint",
    title: "its role's credentials from the container endpoint",
    concerns: ({ containerEndpoint }) => containerEndpoint !== undefined,
    env: ({ containerEndpoint }): Record<string, string> =>
      containerEndpoint === "relative"
        ? { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v1/credentials" }
        : { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials" },
    run: fromContainerEndpoint,
  },
  {
    name: "IPv6",
    title: "its role's credentials over IPv6",
    concerns: ({ ipv6 }) => ipv6 === true,
    env: () => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: "IPv6" }),
    run: overIpv6,
  },
  { name: "v2 optional", title: "its role's credentials where tokens are optional", tokens: "optional", run: served },
];

async function rotated(trial: Trial): Promise<void> {
  trial.aws.sts.treat(trial.role, { firstSessionMs: trial.firstSessionMs ?? SHORT_SESSION_MS });
  trial.appear();
  const first = await trial.askAsRole();
  const renewed = async () => {
    const key = await trial.poke();
    assert.ok(key !== undefined && key !== first, `the session was not renewed: ${key} after ${first}`);
  };
  await eventually(renewed, RENEWAL_MS);
  assert.notEqual(await trial.askAsRole(), first, "it still has the keys of before");
}

async function restarted(trial: Trial): Promise<void> {
  trial.appear();
  await trial.askAsRole();
  await trial.lane.restart();
  await trial.askAsRole();
}

async function cold(trial: Trial): Promise<void> {
  trial.aws.sts.treat(trial.role, { afterMs: SLOW_STS_MS });
  const asking = trial.askAsRole();
  trial.appear();
  await asking;
}

async function hanging(trial: Trial): Promise<void> {
  trial.aws.sts.treat(trial.role, { hangs: true });
  trial.appear();
  try {
    await trial.askWhileStsHangs();
  } finally {
    trial.aws.sts.treat(trial.role, {});
  }
}

async function fromContainerEndpoint(trial: Trial): Promise<void> {
  trial.appear();
  await trial.askAsRole();
  assert.match(trial.story.wire, /\bE\b/, "it did not ask the container endpoint");
}

async function overIpv6(trial: Trial): Promise<void> {
  trial.appear();
  await trial.askAsRole();
  assert.deepEqual(trial.services, [EC2.metadata6], "it did not ask over IPv6");
}
