import type { Credentials, EpochMs } from "../core/credentials.ts";
import { utcSeconds } from "../core/utc-seconds.ts";
import { type AssumeRoleRequest, readAssumeRole } from "./assume-role-request.ts";
import { type AnswerNote, header, type MockAnswer, type MockRequest, splitTarget } from "./http-exchange.ts";
import type { Session, SessionKeys } from "./session-keys.ts";
import { assumedRole, type Caller, callerOf } from "./sts-caller.ts";
import { decideAssumeRole, type Inheritance } from "./sts-decision.ts";
import { entityTooLarge, invalidAction, isStsError, type StsError, unknownOperation } from "./sts-error.ts";
import { stsDocument, type XmlElement } from "./sts-xml.ts";
import type { World } from "./world.ts";

export interface StsOptions {
  readonly world: () => World;
  readonly keys: SessionKeys;
  readonly now: () => EpochMs;
  /** Sixteen bytes that never come twice: what a new access key id is made of. */
  readonly entropy: () => Uint8Array;
  readonly requestId: () => string;
}

const VERSION = "2011-06-15";
/** Fifty tags of the longest kind, percent-encoded, and a policy fit in. */
export const MAX_STS_BODY_BYTES = 512 * 1024;

interface Outcome {
  readonly operation: string;
  readonly result: readonly XmlElement[];
  readonly caller: Caller;
}

/** The Security Token Service: two of its operations, over the query protocol. */
export class Sts {
  readonly #options: StsOptions;

  constructor(options: StsOptions) {
    this.#options = options;
  }

  answer(request: MockRequest): MockAnswer {
    const requestId = this.#options.requestId();
    const parameters = parametersOf(request);
    const action = parameters.get("Action");
    const note = { action: action?.slice(0, MAX_NOTED_LENGTH) };
    const outcome = this.#perform(request, parameters);
    if (isStsError(outcome)) return errorAnswer(outcome, requestId, note);
    return successAnswer(outcome, requestId, { ...note, callerArn: outcome.caller.arn });
  }

  #perform(request: MockRequest, parameters: URLSearchParams): Outcome | StsError | RefusedCall {
    if (splitTarget(request.target).path !== "/") return unknownOperation();
    if (request.body.length > MAX_STS_BODY_BYTES) return entityTooLarge();
    const action = parameters.get("Action");
    const version = parameters.get("Version");
    if (version !== VERSION || (action !== "AssumeRole" && action !== "GetCallerIdentity")) {
      return invalidAction(action, version);
    }
    const { world, keys, now } = this.#options;
    const caller = callerOf(request, { world: world(), keys, now: now() });
    if (isStsError(caller)) return caller;
    const outcome = action === "AssumeRole" ? this.#assumeRole(caller, parameters) : callerIdentity(caller);
    return isStsError(outcome) ? { ...outcome, callerArn: caller.arn } : outcome;
  }

  #assumeRole(caller: Caller, parameters: URLSearchParams): Outcome | StsError {
    const request = readAssumeRole(parameters);
    if (isStsError(request)) return request;
    const inherited = decideAssumeRole(this.#options.world(), caller, request);
    if (isStsError(inherited)) return inherited;
    const credentials = this.#issue(request, inherited);
    return { operation: "AssumeRole", caller, result: assumeRoleResult(request, inherited, credentials) };
  }

  #issue(request: AssumeRoleRequest, inherited: Inheritance): Credentials {
    const issuedAt = this.#options.now();
    const session: Session = {
      kind: "role",
      roleArn: request.roleArn,
      sessionName: request.sessionName,
      issuedAt,
      expiresAt: issuedAt + request.durationSeconds * 1000,
      ...inherited,
    };
    return this.#options.keys.issue(session, this.#options.entropy());
  }
}

/** An action is the caller's own text: no more of it than this goes to the log. */
const MAX_NOTED_LENGTH = 64;

/** An error whose sender is known, because it was authenticated first. */
type RefusedCall = StsError & { readonly callerArn?: string };

/** A form in the body of a POST, else the query: what a GET, presigned or not, has. */
function parametersOf(request: MockRequest): URLSearchParams {
  if (request.method !== "POST") return new URLSearchParams(splitTarget(request.target).query);
  const type = header(request, "content-type") ?? "application/x-www-form-urlencoded";
  const isForm = type.toLowerCase().startsWith("application/x-www-form-urlencoded");
  return new URLSearchParams(isForm ? Buffer.from(request.body).toString("utf8") : "");
}

const callerIdentity = (caller: Caller): Outcome => ({
  operation: "GetCallerIdentity",
  caller,
  result: [
    ["Arn", caller.arn],
    ["UserId", caller.userId],
    ["Account", caller.accountId],
  ],
});

function assumeRoleResult(
  request: AssumeRoleRequest,
  { sourceIdentity }: Inheritance,
  credentials: Credentials,
): readonly XmlElement[] {
  const user = assumedRole(request.roleArn, request.sessionName);
  const { packedPolicyPercent } = request;
  return [
    ...(sourceIdentity === undefined ? [] : [["SourceIdentity", sourceIdentity] as const]),
    [
      "AssumedRoleUser",
      [
        ["AssumedRoleId", user.userId],
        ["Arn", user.arn],
      ],
    ],
    [
      "Credentials",
      [
        ["AccessKeyId", credentials.accessKeyId],
        ["SecretAccessKey", credentials.secretAccessKey],
        ["SessionToken", credentials.sessionToken],
        ["Expiration", utcSeconds(credentials.expiresAt)],
      ],
    ],
    ...(packedPolicyPercent === undefined ? [] : [["PackedPolicySize", String(packedPolicyPercent)] as const]),
  ];
}

const successAnswer = ({ operation, result }: Outcome, requestId: string, note: AnswerNote): MockAnswer => ({
  status: 200,
  headers: headersOf(requestId),
  body: stsDocument(`${operation}Response`, [
    [`${operation}Result`, result],
    ["ResponseMetadata", [["RequestId", requestId]]],
  ]),
  note,
});

const errorAnswer = (error: RefusedCall, requestId: string, note: AnswerNote): MockAnswer => ({
  status: error.status,
  headers: headersOf(requestId),
  body: stsDocument("ErrorResponse", [
    [
      "Error",
      [
        ["Type", "Sender"],
        ["Code", error.code],
        ["Message", error.message],
      ],
    ],
    ["RequestId", requestId],
  ]),
  note: { ...note, errorCode: error.code, reason: error.reason, callerArn: error.callerArn },
});

const headersOf = (requestId: string): MockAnswer["headers"] => [
  ["x-amzn-RequestId", requestId],
  ["Content-Type", "text/xml"],
];
