import { hostname } from "node:os";
import { workloadOf } from "../docker/workload-claims.ts";
import { containerDialect } from "./container-dialect.ts";
import { type DecisionContext, type DecisionPicture, decisionPicture } from "./decision-picture.ts";
import { grantSettings } from "./grant-settings.ts";
import type { Config } from "./options.ts";
import { type CaseSubject, differences, type PolicyCase } from "./policy-cases.ts";
import { type FoundWorkload, findWorkloads } from "./workload-lookup.ts";

/** What the workloads would be granted that a word names: see {@link findWorkloads}. @throws LookupError */
export async function decisionsOn(word: string, config: Config): Promise<readonly DecisionPicture[]> {
  const context = contextOf(config);
  return (await findWorkloads(word, config)).map((found) => decisionOf(found, context));
}

export interface CaseOutcome {
  readonly policyCase: PolicyCase;
  /** What is other than expected, a sentence each; none: it holds. */
  readonly differences: readonly string[];
}

/** @throws LookupError */
export async function outcomesOf(cases: readonly PolicyCase[], config: Config): Promise<readonly CaseOutcome[]> {
  const context = contextOf(config);
  return await Promise.all(
    cases.map(async (policyCase) => {
      const decisions = (await workloadsOf(policyCase.subject, config)).map((found) => decisionOf(found, context));
      return { policyCase, differences: decisions.flatMap((decision) => differences(policyCase.expect, decision)) };
    }),
  );
}

const workloadsOf = async (subject: CaseSubject, config: Config): Promise<readonly FoundWorkload[]> =>
  subject.kind === "container"
    ? [{ workload: workloadOf(subject.container, containerDialect(config)) }]
    : await findWorkloads(subject.word, config);

function contextOf(config: Config): DecisionContext {
  const { defaultAccountId, region } = config;
  const home =
    defaultAccountId === undefined ? undefined : { partition: partitionOf(region), accountId: defaultAccountId };
  return { settings: grantSettings(config, hostname()), home };
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html#arns-partitions */
function partitionOf(region = ""): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

function decisionOf({ workload, refusedBecause }: FoundWorkload, context: DecisionContext): DecisionPicture {
  if (refusedBecause === undefined) return decisionPicture(workload, context);
  const remedy = "give it a network of its own, or set hostNetwork: identify";
  const [refusal, reason] = ["host-network-refused", refusedBecause];
  return { container: workload.name, granted: false, refusal, reason, remedy };
}
