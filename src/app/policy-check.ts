import { hostname } from "node:os";
import { type DecisionContext, type DecisionPicture, decisionPicture } from "./decision-picture.ts";
import { grantSettings } from "./grant-settings.ts";
import type { Config } from "./options.ts";
import { type CaseSubject, differences, type PolicyCase } from "./policy-cases.ts";
import {
  type FoundWorkload,
  findWorkloads,
  foundContainer,
  LookupError,
  mappedWorkload,
  workloadsInFile,
} from "./workload-lookup.ts";

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

/** Nobody is asked. What nothing can be decided of does not hold. */
export function outcomesOf(cases: readonly PolicyCase[], config: Config): readonly CaseOutcome[] {
  const context = contextOf(config);
  return cases.map((policyCase) => ({ policyCase, differences: differencesIn(policyCase, config, context) }));
}

function differencesIn({ subject, expect }: PolicyCase, config: Config, context: DecisionContext): readonly string[] {
  try {
    const decisions = workloadsOf(subject, config).map((found) => decisionOf(found, context));
    return decisions.flatMap((decision) => differences(expect, decision));
  } catch (error) {
    if (error instanceof LookupError) return [error.message];
    throw error;
  }
}

function workloadsOf(subject: CaseSubject, config: Config): readonly FoundWorkload[] {
  switch (subject.kind) {
    case "container":
      return [foundContainer(subject.container, config)];
    case "file":
      return workloadsInFile(subject.file, config);
    default:
      return [mappedWorkload(subject.address, config)];
  }
}

function contextOf(config: Config): DecisionContext {
  const { defaultAccountId, region, metadataTokens } = config;
  const home =
    defaultAccountId === undefined ? undefined : { partition: partitionOf(region), accountId: defaultAccountId };
  return { settings: grantSettings(config, hostname()), metadataTokens, home };
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
