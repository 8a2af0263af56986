import type { Failure } from "../core/failure.ts";
import { redacted, redactedPath } from "./redacted.ts";
import { denialRemedy, unavailableRemedy } from "./sts-remedy.ts";

/** For the operator: why it was refused, and what to do about it. */
export interface Explanation {
  readonly reason: string;
  readonly remedy: string;
}

type Explain<Kind> = (failure: Extract<Failure, { kind: Kind }>) => Explanation;

/** A sentence for each way to be refused; a kind without one does not compile. The workload gets none of this. */
const EXPLANATIONS: { readonly [Kind in Failure["kind"]]: Explain<Kind> } = {
  "malformed-request": ({ reason }) => ({
    reason: `the request cannot be read one way only: ${reason}`,
    remedy: "no SDK sends this; look at what runs in the workload",
  }),
  "host-not-allowed": ({ host }) => ({
    reason: `the Host is ${JSON.stringify(redacted(host))}, which is not the metadata service's`,
    remedy: "ask 169.254.169.254 or [fd00:ec2::254]; a name of one's own is how DNS rebinding begins",
  }),
  "token-forwarded": () => ({
    reason: "a request for a token came through a proxy (X-Forwarded-For)",
    remedy: "exclude 169.254.169.254 from the workload's proxy: NO_PROXY=169.254.169.254",
  }),
  "token-ttl-invalid": () => ({
    reason: "a token was asked for without X-aws-ec2-metadata-token-ttl-seconds from 1 to 21600",
    remedy: "send the header with a whole number of seconds",
  }),
  "token-path-versioned": () => ({
    reason: "a token was asked for under a dated version",
    remedy: "tokens are only at /latest/api/token",
  }),
  "token-missing": () => ({
    reason: "there was no metadata token, and one is required",
    remedy: "use a client that speaks IMDSv2, or set metadataTokens: optional",
  }),
  "token-invalid": () => ({
    reason: "the metadata token is expired, of another workload, or not one of ours",
    remedy: "SDKs ask for a new one by themselves; if it repeats, something carries tokens between workloads",
  }),
  "method-not-allowed": ({ allow }) => ({
    reason: "the path does not take this method",
    remedy: `use one it takes: ${allow}`,
  }),
  "path-unknown": () => ({
    reason: "there is no such path",
    remedy: "none needed: clients probe",
  }),
  "path-blocked": ({ path }) => ({
    reason: `${JSON.stringify(redactedPath(path))} of the host's metadata is not on the allow list`,
    remedy: "none needed, unless the workload cannot do without it: then open it with the setting metadataPaths",
  }),
  "path-forbidden": ({ path, because }) => ({
    reason: `${JSON.stringify(redactedPath(path))} was asked for: ${because}`,
    remedy: "it was refused, and no setting opens it; look at what runs in the workload: hardly any SDK asks for this",
  }),
  "bad-paths": ({ workload, place, reason }) => ({
    reason: `what ${workload} may see of the metadata (${place}) cannot be read: ${redacted(reason)}`,
    remedy:
      'write "none", or paths with commas between, like "meta-data/placement, dynamic"; until then it sees nothing',
  }),
  "bad-tokens": ({ workload, place, text }) => ({
    reason: `whether ${workload} wants metadata tokens (${place}) cannot be read: ${JSON.stringify(redacted(text))}`,
    remedy: 'write "required" or "optional"; until then they are required',
  }),
  "authorization-not-set": ({ workload }) => ({
    reason: `${workload} asks for container credentials, and its environment names no authorization token`,
    remedy: "set AWS_CONTAINER_AUTHORIZATION_TOKEN to a random value in its environment, or containerCredentials: open",
  }),
  "authorization-missing": () => ({
    reason: "container credentials were asked for without the authorization token",
    remedy: "SDKs send it when AWS_CONTAINER_AUTHORIZATION_TOKEN is set in their own environment",
  }),
  "authorization-invalid": () => ({
    reason: "container credentials were asked for with a wrong authorization token",
    remedy: "it must be the AWS_CONTAINER_AUTHORIZATION_TOKEN that the container was created with",
  }),
  "unknown-peer": ({ address }) => ({
    reason: `no container has the address ${address}`,
    remedy: "is it a process of the host, or a container of an engine that dockerEndpoint does not name?",
  }),
  "contested-peer": ({ address, claimants }) => ({
    reason: `several workloads claim the address ${address}: ${claimants.join(", ")}`,
    remedy: "give each an address of its own; until then none of them is served",
  }),
  "host-network-refused": ({ address, workload }) => ({
    reason: `${workload ?? "a container"} is on the host's own network (${address}), where containers get nothing`,
    remedy: "put it on a bridge network, or give each such container its own role with hostNetwork: identify",
  }),
  "unknown-connection": ({ address, port, reason }) => ({
    reason: `whose connection ${address} port ${port} of this host is cannot be told: ${reason}`,
    remedy: "none needed when it happens once; otherwise look at what runs in the cgroups of containerCgroups",
  }),
  "identity-unavailable": ({ address, reason, remedy }) => ({
    reason: `who has the address ${address} cannot be told: ${reason}`,
    remedy:
      remedy ?? "none needed when it passes; if not, see that the Docker Engine runs and answers at dockerEndpoint",
  }),
  "no-role": ({ workload }) => ({
    reason: `${workload} names no role and there is no defaultRole`,
    remedy: "label it taskrole.role=ROLE, or set IAM_ROLE in its environment, or set defaultRole",
  }),
  "bad-role": ({ workload, place, reason }) => ({
    reason: `the role of ${workload} (${place}) cannot be used: ${reason}`,
    remedy: "write an ARN, or [PATH/]NAME[@ACCOUNT]",
  }),
  "no-rule": ({ workload }) => ({
    reason: `none of the roleRules is for ${workload}`,
    remedy: "give it a rule; one at the end with match: {} is for all that no other is for",
  }),
  "role-refused": ({ workload, roleArn, rule, because }) => ({
    reason: `rule ${rule} of roleRules does not let ${workload} have ${roleArn}: ${because}`,
    remedy: "give the workload a role that the rule allows, or change the rule; it gets no other instead",
  }),
  "bad-session": ({ workload, place, reason }) => ({
    reason: `the session of ${workload} cannot be asked for (${place}): ${redacted(reason)}`,
    remedy: "change what the reason says, and start the container anew; it gets no session without it",
  }),
  "role-mismatch": ({ requested, granted }) => ({
    reason: `the role ${JSON.stringify(redacted(requested))} was asked for; the workload's is ${granted}`,
    remedy: "none needed after a role was changed: SDKs list the role again",
  }),
  "sts-denied": (failure) => ({
    reason: `STS refused ${failure.roleArn}: ${failure.code}`,
    remedy: denialRemedy(failure),
  }),
  "sts-unavailable": ({ roleArn, code }) => ({
    reason: `STS could not be asked for ${roleArn}: ${code}`,
    remedy: unavailableRemedy(code),
  }),
  "sts-throttled": ({ roleArn, code }) => ({
    reason: `STS has too many calls and did not serve the one for ${roleArn}: ${code}`,
    remedy:
      "none needed: taskrole asks more slowly by itself. If it lasts, see who else of this account calls STS much",
  }),
  "credentials-pending": ({ roleArn }) => ({
    reason: `STS has not answered yet for ${roleArn}`,
    remedy: "none needed: the call goes on, and the next request finds its result",
  }),
  "upstream-unavailable": ({ what, reason }) => ({
    reason: `the host's metadata service did not give /${what}: ${reason}`,
    remedy: "check metadataUrl, that the instance's metadata service is enabled, and its instance profile",
  }),
};

export const explainFailure = (failure: Failure): Explanation =>
  (EXPLANATIONS[failure.kind] as (failure: Failure) => Explanation)(failure);
