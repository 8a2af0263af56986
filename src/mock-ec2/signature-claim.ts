import { header, type MockRequest, splitTarget } from "./http-exchange.ts";
import { basicTime, incompleteSignature, type StsError } from "./sts-error.ts";

/** What a request says of its own signature (version 4). Nothing in it is proved yet. */
export interface SignatureClaim {
  readonly accessKeyId: string;
  /** Of the credential scope: YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
  /** In the order given. */
  readonly signedHeaders: readonly string[];
  /** Hexadecimal. */
  readonly signature: string;
  /** 20300102T030405Z. */
  readonly signedAt: string;
  readonly sessionToken?: string | undefined;
  /** Of a presigned request: how long its signature is good for. */
  readonly expiresSeconds?: number;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const BASIC_TIME = /^\d{8}T\d{6}Z$/;

/**
 * Reads the Authorization header or, in a presigned request, the query.
 * Undefined means that the request is not signed at all.
 */
export function readSignatureClaim(request: MockRequest): SignatureClaim | StsError | undefined {
  const authorization = header(request, "authorization");
  if (authorization !== undefined) return fromHeader(request, authorization);
  const query = new URLSearchParams(splitTarget(request.target).query);
  return query.has("X-Amz-Algorithm") ? fromQuery(query) : undefined;
}

interface Parts {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly signedAt: string;
  readonly sessionToken: string | undefined;
}

function fromHeader(request: MockRequest, authorization: string): SignatureClaim | StsError {
  const fields = authorization.replace(/^\S+\s*/, "").split(/[\s,]+/);
  const odd = fields.find((field) => field !== "" && !field.includes("="));
  if (authorization.startsWith(ALGORITHM) && odd !== undefined) return notAPair(odd, authorization);
  const given = new Map(fields.map((field) => splitPair(field)));
  const signedAt = header(request, "x-amz-date") ?? httpDate(header(request, "date"));
  const lacking = [
    ...REQUIRED.filter((name) => !given.get(name)).map((name) => `Authorization header requires '${name}' parameter.`),
    ...(signedAt === undefined ? [NO_DATE] : []),
  ];
  if (lacking.length > 0 || !authorization.startsWith(`${ALGORITHM} `)) {
    return incompleteSignature([...lacking, `Authorization=${withoutSignature(authorization)}`].join(" "));
  }
  return claimFrom({
    credential: given.get("Credential") ?? "",
    signedHeaders: given.get("SignedHeaders") ?? "",
    signature: given.get("Signature") ?? "",
    signedAt: signedAt ?? "",
    sessionToken: header(request, "x-amz-security-token"),
  });
}

const REQUIRED = ["Credential", "Signature", "SignedHeaders"] as const;
const NO_DATE = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";

const notAPair = (field: string, authorization: string): StsError =>
  incompleteSignature(
    `'${field}' not a valid key=value pair (missing equal-sign) in Authorization header: '${withoutSignature(authorization)}'.`,
  );

const withoutSignature = (authorization: string): string => authorization.replace(/Signature=[^\s,]*/, "Signature=...");

const splitPair = (field: string): [string, string] => {
  const at = field.indexOf("=");
  return at === -1 ? [field, ""] : [field.slice(0, at), field.slice(at + 1)];
};

/** The Date header says the same as X-Amz-Date in another form. */
function httpDate(text: string | undefined): string | undefined {
  const at = Date.parse(text ?? "");
  return Number.isNaN(at) ? undefined : basicTime(at);
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html */
function fromQuery(query: URLSearchParams): SignatureClaim | StsError {
  const names = ["X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"];
  const lacking = names
    .filter((name) => !query.get(name))
    .map((name) => `AWS query-string parameters must include '${name}'.`);
  if (query.get("X-Amz-Algorithm") !== ALGORITHM) lacking.push(`'X-Amz-Algorithm' must be '${ALGORITHM}'.`);
  const expiresSeconds = query.get("X-Amz-Expires") ?? "";
  if (!/^\d{1,6}$/.test(expiresSeconds)) lacking.push("'X-Amz-Expires' must be a number of seconds below one million.");
  if (lacking.length > 0) return incompleteSignature(lacking.join(" "));
  const claim = claimFrom({
    credential: query.get("X-Amz-Credential") ?? "",
    signedHeaders: query.get("X-Amz-SignedHeaders") ?? "",
    signature: query.get("X-Amz-Signature") ?? "",
    signedAt: query.get("X-Amz-Date") ?? "",
    sessionToken: query.get("X-Amz-Security-Token") ?? undefined,
  });
  return "kind" in claim ? claim : { ...claim, expiresSeconds: Number(expiresSeconds) };
}

function claimFrom({ credential, signedHeaders, signedAt, ...rest }: Parts): SignatureClaim | StsError {
  const scope = credential.split("/");
  const [accessKeyId = "", date = "", region = "", service = "", terminator = ""] = scope;
  if (scope.length !== 5) {
    return incompleteSignature(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  }
  if (!BASIC_TIME.test(signedAt)) {
    return incompleteSignature(
      `Date must be in ISO-8601 'basic format'. Got '${signedAt}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  return { ...rest, accessKeyId, date, region, service, terminator, signedAt, signedHeaders: signedHeaders.split(";") };
}
