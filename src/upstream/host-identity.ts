import type { EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import type { HomeAccount } from "../core/role-arn.ts";
import { SingleFlight } from "../kit/single-flight.ts";
import type { UpstreamClient } from "./upstream-client.ts";

/** What the host's metadata says of the host; none of it changes while the host runs. */
export interface HostIdentity extends HomeAccount {
  readonly region: string;
}

/** Every request may need it: what one reading failed with is for all that come so soon after. */
const FAILED_FOR_MS = 1_000;

/** Asks once, remembers for good; a failure is remembered for a moment. */
export class HostIdentitySource {
  readonly #upstream: Pick<UpstreamClient, "get">;
  readonly #now: () => EpochMs;
  readonly #flights = new SingleFlight<"identity", HostIdentity>();
  #known: HostIdentity | undefined;
  #failure: { readonly at: EpochMs; readonly error: unknown } | undefined;

  constructor(upstream: Pick<UpstreamClient, "get">, now: () => EpochMs) {
    this.#upstream = upstream;
    this.#now = now;
  }

  /** @throws Refusal `upstream-unavailable` */
  async get(): Promise<HostIdentity> {
    if (this.#known) return this.#known;
    if (this.#failure && Math.abs(this.#now() - this.#failure.at) < FAILED_FOR_MS) throw this.#failure.error;
    this.#known = await this.#flights
      .run("identity", () => this.#read())
      .catch((error: unknown) => {
        this.#failure = { at: this.#now(), error };
        throw error;
      });
    return this.#known;
  }

  async #read(): Promise<HostIdentity> {
    const path = "latest/dynamic/instance-identity/document";
    const document = identityFields(path, await this.#upstream.get(path));
    const partition = await this.#upstream.get("latest/meta-data/services/partition");
    return { ...document, partition: partition?.toString("utf8").trim() ?? partitionOf(document.region) };
  }
}

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html */
function identityFields(path: string, body: Buffer | undefined): { accountId: string; region: string } {
  const { accountId, region } = fieldsOf(body);
  if (typeof accountId === "string" && typeof region === "string") return { accountId, region };
  throw new Refusal({ kind: "upstream-unavailable", what: path, reason: "it names no accountId and region" });
}

function fieldsOf(body: Buffer | undefined): { accountId?: unknown; region?: unknown } {
  try {
    return Object(JSON.parse(body?.toString("utf8") ?? "{}"));
  } catch {
    return {};
  }
}

/** For a service too old to name its partition. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
const PARTITION_BY_REGION_PREFIX: readonly (readonly [prefix: string, partition: string])[] = [
  ["cn-", "aws-cn"],
  ["us-gov-", "aws-us-gov"],
  ["us-iso-", "aws-iso"],
  ["us-isob-", "aws-iso-b"],
  ["eu-isoe-", "aws-iso-e"],
  ["us-isof-", "aws-iso-f"],
  ["eusc-", "aws-eusc"],
];

const partitionOf = (region: string): string =>
  PARTITION_BY_REGION_PREFIX.find(([prefix]) => region.startsWith(prefix))?.[1] ?? "aws";
