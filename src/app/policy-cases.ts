import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { WorkloadSource } from "../docker/workload-claims.ts";
import { attempt } from "../kit/attempt.ts";
import { canonicalAddress } from "../kit/ip-address.ts";
import type { DecisionPicture } from "./decision-picture.ts";
import { strict } from "./session-schema.ts";
import { yamlItems } from "./yaml-items.ts";

/** A workload, and what the operator expects of the decision on it. */
export interface PolicyCase {
  readonly name: string;
  /** "cases.yaml:4" */
  readonly place: string;
  readonly subject: CaseSubject;
  /** Any part of a {@link DecisionPicture}. */
  readonly expect: Readonly<Record<string, unknown>>;
}

export type CaseSubject =
  /** As it is written in the table. */
  | { readonly kind: "container"; readonly container: WorkloadSource }
  /** What docker inspect printed. */
  | { readonly kind: "file"; readonly file: string }
  /** Of the role map. */
  | { readonly kind: "address"; readonly address: string };

export type CasesReading =
  | { readonly kind: "cases"; readonly cases: readonly PolicyCase[] }
  /** Sentences that begin with the file and the line. */
  | { readonly kind: "mistakes"; readonly mistakes: readonly string[] };

const texts = z.record(z.string(), z.string({ error: "must be a text, in quotes" }), {
  error: "must map names to texts",
});
const container = strict(
  {
    name: z.string({ error: "must be a name" }).default("container"),
    id: z
      .string()
      .regex(/^[0-9a-f]{64}$/, { error: "must be a container's whole id" })
      .default("0".repeat(64)),
    image: z.string({ error: "must be a text" }).default(""),
    imageId: z.string({ error: 'must be a text like "sha256:…"' }).default(""),
    labels: texts.default({}),
    env: texts.default({}),
    networks: z.array(z.string(), { error: "must be a list of names" }).default([]),
    userNamespace: z.string({ error: "must be a text" }).default(""),
  },
  "must be a container: name, image, labels, env, networks, …",
);

const expected = strict(
  {
    container: z.string(),
    granted: z.boolean({ error: "must be true or false" }),
    role: z.string({ error: "must be a role's whole ARN" }),
    roleFrom: z.string({ error: "must be a text" }),
    rule: z.int({ error: "must be the number of a rule, from 1" }),
    refusal: z.string({ error: "must be the word of the log, like role-refused" }),
    sessionName: z.string({ error: "must be a text" }),
    sessionSeconds: z.int({ error: "must be a number" }),
    externalId: z.string({ error: "must be a text" }),
    policy: z.string({ error: "must be the policy in JSON" }),
    policyArns: z.array(z.string(), { error: "must be a list of ARNs" }),
    sessionTags: texts,
    transitiveTags: z.array(z.string(), { error: "must be a list of tag keys" }),
    sourceIdentity: z.string({ error: "must be a text" }),
    tokens: z.enum(["required", "optional"], { error: "must be required or optional" }),
    paths: z.array(z.string(), { error: "must be a list of paths of the metadata" }),
  },
  "must be what is expected of the decision: role, rule, refusal, …",
).partial();

const policyCase = strict(
  {
    case: z.string({ error: "must be a text" }).optional(),
    workload: container.optional(),
    inspect: z.string({ error: "must be a file that docker inspect printed" }).optional(),
    address: z
      .string({ error: "must be an address of the role map" })
      .refine((text) => canonicalAddress(text) !== undefined, { error: "must be an address of the role map" })
      .optional(),
    expect: expected.refine((said) => Object.keys(said).length > 0, {
      error: "must expect something: role, rule, refusal, …",
    }),
  },
  "must be a case: a workload, and what to expect",
).refine(
  ({ workload, inspect, address }) => [workload, inspect, address].filter((one) => one !== undefined).length === 1,
  {
    error: "must have one of workload, inspect and address",
  },
);

export function readPolicyCases(file: string): CasesReading {
  const text = attempt(() => readFileSync(file, "utf8"));
  if (text === undefined)
    return { kind: "mistakes", mistakes: [`${file}: there is no such file, or it cannot be read`] };
  const read = yamlItems(file, text);
  if (read.kind === "broken") return { kind: "mistakes", mistakes: read.mistakes };
  if (read.kind !== "list") return nothingIn(file);
  const parsed = read.items.map(({ value, place }) => ({ place, result: policyCase.safeParse(value) }));
  const mistakes = parsed.flatMap(({ place, result }) =>
    (result.error?.issues ?? []).map(({ path, message }) => `${place}: ${[path.join("."), message].join(" ").trim()}`),
  );
  if (mistakes.length > 0) return { kind: "mistakes", mistakes };
  const cases = parsed.flatMap(({ place, result }) => (result.data ? [caseOf(result.data, place, file)] : []));
  return cases.length > 0 ? { kind: "cases", cases } : nothingIn(file);
}

/** A table without a case would hold for every policy. */
const nothingIn = (file: string): CasesReading => ({
  kind: "mistakes",
  mistakes: [`${file}: must be a list of cases, each with workload and expect`],
});

function caseOf(written: z.output<typeof policyCase>, place: string, file: string): PolicyCase {
  const { workload, inspect, address, expect } = written;
  const name = written.case ?? workload?.name ?? inspect ?? address ?? "";
  if (workload) return { name, place, expect, subject: { kind: "container", container: sourceOf(workload) } };
  // Files are looked for beside the table, as all of it is in one repository.
  if (inspect !== undefined)
    return { name, place, expect, subject: { kind: "file", file: resolve(dirname(file), inspect) } };
  return { name, place, expect, subject: { kind: "address", address: canonicalAddress(address ?? "") ?? "" } };
}

const sourceOf = ({ env, networks, ...rest }: z.output<typeof container>): WorkloadSource => ({
  ...rest,
  startedAt: "",
  env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
  attachments: networks.map((networkName) => ({ networkName, networkId: "", addresses: [], macAddress: "" })),
});

/** What is other than expected, a sentence each. */
export const differences = (expect: PolicyCase["expect"], decision: DecisionPicture): readonly string[] =>
  Object.entries(expect).flatMap(([key, wanted]) => {
    const is = (decision as unknown as Readonly<Record<string, unknown>>)[key];
    return isDeepStrictEqual(is, wanted) ? [] : [`${key} is ${shown(is)}, not ${shown(wanted)}`];
  });

const shown = (value: unknown): string => (value === undefined ? "not there" : JSON.stringify(value));
