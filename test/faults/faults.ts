import type { Failure } from "../../src/core/failure.ts";
import type { MockAnswer, MockRequest } from "../../src/mock-ec2/http-exchange.ts";
import { stsDocument } from "../../src/mock-ec2/sts-xml.ts";
import { type FaultyEc2, isForHostKeys } from "./support/faulty-ec2.ts";
import type { ServiceFault } from "./support/faulty-server.ts";

/**
 * What a workload without credentials meets while the fault lasts. "waits": 503, for its SDK to ask again; "denied": the
 * document that says that STS says no; "late": 503 at first, then credentials; "served": credentials.
 */
export type ColdLot = "waits" | "denied" | "late" | "served";

/** What the operator's line says. Without a kind where nobody is refused anything. */
export interface Telling {
  readonly kind?: Failure["kind"];
  readonly says: RegExp;
}

/** One way in which what taskrole asks can fail. */
export interface Fault {
  readonly name: string;
  readonly begins: (ec2: FaultyEc2) => Promise<void>;
  readonly ends: (ec2: FaultyEc2) => Promise<void>;
  /** Default: {@link USUAL_MS}. */
  readonly lastsMs?: number;
  readonly cold: ColdLot;
  /** Undefined where there is nothing to tell. */
  readonly operator?: Telling | undefined;
}

export const USUAL_MS = 3_000;
/** Longer than a call to STS lasts that is never answered, its second try included. */
const LONGER_THAN_A_CALL_MS = 8_000;

const HTML: MockAnswer["headers"] = [["Content-Type", "text/html"]];
const XML: MockAnswer["headers"] = [
  ["x-amzn-RequestId", "c6104cbe-af31-11e0-8154-cbc7ccf896c7"],
  ["Content-Type", "text/xml"],
];
const PROXY_PAGE = "<html><head><title>Sign in</title></head><body>This network needs you to sign in.</body></html>\n";

/** https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
const errorDocument = (type: "Sender" | "Receiver", code: string, message: string): string =>
  stsDocument("ErrorResponse", [
    [
      "Error",
      [
        ["Type", type],
        ["Code", code],
        ["Message", message],
      ],
    ],
    ["RequestId", "c6104cbe-af31-11e0-8154-cbc7ccf896c7"],
  ]);

/** An error of STS's. */
export const stsSays = (
  status: number,
  [code, message]: readonly [code: string, message: string],
  more: MockAnswer["headers"] = [],
): ServiceFault => ({
  instead: () => ({
    status,
    headers: [...XML, ...more],
    body: errorDocument(status < 500 ? "Sender" : "Receiver", code, message),
  }),
});

const answers = (status: number, headers: MockAnswer["headers"], body: string): ServiceFault => ({
  instead: () => ({ status, headers, body }),
});

const atSts = (fault: ServiceFault): Pick<Fault, "begins" | "ends"> => ({
  begins: ({ sts }) => sts.begin(fault),
  ends: ({ sts }) => sts.end(),
});

const stsClock = (aheadMs: number): Pick<Fault, "begins" | "ends"> => ({
  begins: async (ec2) => {
    ec2.stsClockAheadMs = aheadMs;
  },
  ends: async (ec2) => {
    ec2.stsClockAheadMs = 0;
  },
});

const UNREACHED = { kind: "sts-unavailable", says: /: \S/ } as const;
const unavailable = (code: string) => ({ kind: "sts-unavailable", says: new RegExp(`: .*${code}`) }) as const;
const THROTTLED = { kind: "sts-throttled", says: /too many calls/ } as const;
const TOO_FAST = ["Throttling", "Rate exceeded"] as const;
const TEN_MINUTES_MS = 600_000;
const TWO_HOURS_MS = 7_200_000;

/** The way to STS, in the order of docs/reliability.md. */
export const WIRE_FAULTS = {
  "sts-refused": {
    name: "STS refuses connections",
    ...atSts({ wire: "refused" }),
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-silent": {
    name: "STS takes connections and never answers",
    ...atSts({ wire: "silent" }),
    lastsMs: LONGER_THAN_A_CALL_MS,
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-slow": {
    name: "STS takes 0.2 s longer than ever",
    ...atSts({ latencyMs: 200 }),
    cold: "served",
  },
  "sts-very-slow": {
    name: "STS takes 0.8 s",
    ...atSts({ latencyMs: 800 }),
    cold: "late",
    operator: { kind: "credentials-pending", says: /not answered yet/ },
  },
  "sts-reset": {
    name: "connections to STS are reset before an answer",
    ...atSts({ wire: "reset" }),
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-cut": {
    name: "connections to STS are reset in the middle of an answer",
    ...atSts({ wire: "cut" }),
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-stalled": {
    name: "STS stops in the middle of an answer",
    ...atSts({ wire: "stalled" }),
    lastsMs: LONGER_THAN_A_CALL_MS,
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-empty": {
    name: "STS answers 200 and nothing else",
    ...atSts(answers(200, XML, "")),
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-malformed": {
    name: "STS answers 200 with half an XML document",
    ...atSts({ instead: (honest) => ({ ...honest, body: honest.body.slice(0, honest.body.length >> 1) }) }),
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-proxy-page": {
    name: "a proxy answers 200 with a page to sign in",
    ...atSts(answers(200, HTML, PROXY_PAGE)),
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-redirect": {
    name: "a proxy redirects to a page to sign in",
    ...atSts(answers(302, [...HTML, ["Location", "http://127.0.0.1:1/sign-in"]], PROXY_PAGE)),
    cold: "waits",
    operator: UNREACHED,
  },
} as const satisfies Record<string, Fault>;

/** What STS itself says. */
export const ANSWER_FAULTS = {
  "sts-throttling": {
    name: "STS answers 400 Throttling",
    ...atSts(stsSays(400, TOO_FAST)),
    cold: "waits",
    operator: THROTTLED,
  },
  "sts-retry-after": {
    name: "STS answers 400 Throttling with `Retry-After: 2`",
    ...atSts(stsSays(400, TOO_FAST, [["Retry-After", "2"]])),
    cold: "waits",
    operator: THROTTLED,
  },
  "sts-429": {
    name: "STS answers 429",
    ...atSts(stsSays(429, ["TooManyRequestsException", "Too many requests"])),
    cold: "waits",
    operator: THROTTLED,
  },
  "sts-500": {
    name: "STS answers 500 InternalFailure",
    ...atSts(stsSays(500, ["InternalFailure", "The request processing has failed because of an unknown error."])),
    cold: "waits",
    operator: unavailable("InternalFailure"),
  },
  "sts-503": {
    name: "STS answers 503 ServiceUnavailable",
    ...atSts(stsSays(503, ["ServiceUnavailable", "The request has failed due to a temporary failure of the server."])),
    cold: "waits",
    operator: unavailable("ServiceUnavailable"),
  },
  "sts-503-page": {
    name: "a load balancer answers 503 with a page",
    ...atSts(answers(503, HTML, "<html><body><h1>503 Service Unavailable</h1></body></html>\n")),
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-error-in-200": {
    name: "STS answers 200 with an error inside",
    ...atSts(answers(200, XML, errorDocument("Sender", ...TOO_FAST))),
    cold: "waits",
    operator: UNREACHED,
  },
  "sts-access-denied": {
    name: "STS answers 403 AccessDenied",
    ...atSts(stsSays(403, ["AccessDenied", "User: x is not authorized to perform: sts:AssumeRole on resource: y"])),
    cold: "denied",
    operator: { kind: "sts-denied", says: /AccessDenied/ },
  },
  "sts-expired-token": {
    name: "STS answers 403 ExpiredToken, of the host's credentials",
    ...atSts(stsSays(403, ["ExpiredToken", "The security token included in the request is expired"])),
    cold: "waits",
    operator: unavailable("ExpiredToken"),
  },
  "sts-invalid-token": {
    name: "STS answers 403 InvalidClientTokenId, of the host's credentials",
    ...atSts(stsSays(403, ["InvalidClientTokenId", "The security token included in the request is invalid."])),
    cold: "waits",
    operator: unavailable("InvalidClientTokenId"),
  },
  "sts-signature": {
    name: "STS answers 403 SignatureDoesNotMatch",
    ...atSts(stsSays(403, ["SignatureDoesNotMatch", "The request signature we calculated does not match"])),
    cold: "waits",
    operator: unavailable("SignatureDoesNotMatch"),
  },
  "clock-behind": {
    name: "the host's clock is ten minutes behind STS's",
    ...stsClock(TEN_MINUTES_MS),
    cold: "served",
    operator: { says: /clock is (?:59|60)\d s ahead/ },
  },
  "clock-ahead": {
    name: "the host's clock is ten minutes ahead of STS's",
    ...stsClock(-TEN_MINUTES_MS),
    cold: "served",
    operator: { says: /clock is (?:59|60)\d s behind/ },
  },
  "clock-far-ahead": {
    name: "the host's clock is two hours ahead of STS's: every session has ended when it comes",
    ...stsClock(-TWO_HOURS_MS),
    cold: "waits",
    operator: UNREACHED,
  },
} as const satisfies Record<string, Fault>;

const atMetadata = (fault: ServiceFault): Pick<Fault, "begins" | "ends"> => ({
  begins: ({ metadata }) => metadata.begin(fault),
  ends: ({ metadata }) => metadata.end(),
});

const page = (status: number): ServiceFault => answers(status, HTML, `<html><body>${status}</body></html>\n`);

/** In place of the host's credentials alone. */
const hostKeys = (answer: Pick<MockAnswer, "status" | "body">): ServiceFault => ({
  instead: (honest: MockAnswer, request: MockRequest) =>
    isForHostKeys(request) ? { ...answer, headers: [["Content-Type", "text/plain"]] } : honest,
});

/** In place of their document, below the role's name. */
const hostKeysDocument = (body: string): ServiceFault => ({
  instead: (honest, request) =>
    isForHostKeys(request) && !request.target.endsWith("/") ? { ...honest, body } : honest,
});

const upstream = (reason: RegExp) => ({ kind: "upstream-unavailable", says: reason }) as const;

/** The host's own metadata service, and with it the credentials that sign the calls to STS. For a daemon that starts meanwhile. */
export const METADATA_FAULTS = {
  "metadata-refused": {
    name: "the metadata service refuses connections",
    ...atMetadata({ wire: "refused" }),
    cold: "waits",
    operator: upstream(/: \S/),
  },
  "metadata-silent": {
    name: "the metadata service takes connections and never answers",
    ...atMetadata({ wire: "silent" }),
    cold: "waits",
    operator: upstream(/no answer within/),
  },
  "metadata-slow": {
    name: "the metadata service takes 0.3 s for each answer",
    ...atMetadata({ latencyMs: 300 }),
    cold: "late",
    operator: { kind: "credentials-pending", says: /not answered yet/ },
  },
  "metadata-reset": {
    name: "connections to the metadata service are reset before an answer",
    ...atMetadata({ wire: "reset" }),
    cold: "waits",
    operator: upstream(/: \S/),
  },
  "metadata-cut": {
    name: "connections to the metadata service are reset in the middle of an answer",
    ...atMetadata({ wire: "cut" }),
    cold: "waits",
    operator: upstream(/: \S/),
  },
  "metadata-no-profile": {
    name: "the instance has no instance profile (404)",
    ...atMetadata(hostKeys({ status: 404, body: "" })),
    cold: "waits",
    operator: upstream(/no instance profile/),
  },
  "metadata-401": {
    name: "the metadata service takes no token (401)",
    ...atMetadata({ instead: (honest, { method }) => (method === "PUT" ? honest : { ...honest, status: 401 }) }),
    cold: "waits",
    operator: upstream(/401/),
  },
  "metadata-403": {
    name: "the metadata service is switched off (403)",
    ...atMetadata(page(403)),
    cold: "waits",
    operator: upstream(/403/),
  },
  "metadata-429": {
    name: "the metadata service throttles (429)",
    ...atMetadata(page(429)),
    cold: "waits",
    operator: upstream(/429/),
  },
  "metadata-503": {
    name: "the metadata service answers 503",
    ...atMetadata(page(503)),
    cold: "waits",
    operator: upstream(/503/),
  },
  "metadata-rubbish": {
    name: "the metadata service answers rubbish",
    ...atMetadata(answers(200, HTML, PROXY_PAGE)),
    cold: "waits",
    operator: upstream(/: \S/),
  },
  "metadata-empty": {
    name: "the metadata service answers 200 and nothing else",
    ...atMetadata(answers(200, [["Content-Type", "text/plain"]], "")),
    cold: "waits",
    operator: upstream(/: \S/),
  },
  "metadata-not-ready": {
    name: "the host's credentials are not ready",
    ...atMetadata(
      hostKeysDocument('{\n  "Code" : "AssumeRoleUnauthorizedAccess",\n  "LastUpdated" : "2026-01-05T08:00:00Z"\n}'),
    ),
    cold: "waits",
    operator: upstream(/AssumeRoleUnauthorizedAccess/),
  },
  "metadata-expired": {
    name: "the metadata service delivers host credentials that have ended",
    begins: async (ec2) => {
      ec2.deliversExpiredKeys = true;
    },
    ends: async (ec2) => {
      ec2.deliversExpiredKeys = false;
    },
    cold: "waits",
    operator: upstream(/ended|expired/i),
  },
} as const satisfies Record<string, Fault>;

/** Everything the suite tries, in the order of docs/reliability.md. */
export const FAULTS: Readonly<Record<string, Fault>> = { ...WIRE_FAULTS, ...ANSWER_FAULTS, ...METADATA_FAULTS };
