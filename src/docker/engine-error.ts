/** What kept the Engine from answering; each kind has its own remedy. */
export type EngineErrorKind =
  | "missing-socket"
  | "refused"
  | "permission"
  | "timeout"
  | "not-found"
  | "bad-answer"
  | "unreachable";

export interface EngineErrorParts {
  readonly kind: EngineErrorKind;
  /** The endpoint as the operator wrote it. */
  readonly endpoint: string;
  /** What was asked, e.g. "GET /networks", or what was wrong with the answer. */
  readonly detail: string;
}

/** The only error an {@link EngineClient} throws. Its message is a sentence for the operator, remedy included. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly kind: EngineErrorKind;
  readonly endpoint: string;
  readonly remedy: string;

  constructor(parts: EngineErrorParts, options?: ErrorOptions) {
    const { what, remedy } = EXPLANATIONS[parts.kind](parts);
    super(`${what}: ${remedy}`, options);
    this.remedy = remedy;
    this.kind = parts.kind;
    this.endpoint = parts.endpoint;
  }
}

const START = "start Docker, or set dockerEndpoint to where it listens";

interface Explanation {
  readonly what: string;
  readonly remedy: string;
}

const EXPLANATIONS: Readonly<Record<EngineErrorKind, (parts: EngineErrorParts) => Explanation>> = {
  "missing-socket": ({ endpoint }) => ({ what: `there is no socket at ${endpoint}`, remedy: START }),
  refused: ({ endpoint }) => ({ what: `nothing listens at ${endpoint}`, remedy: START }),
  permission: ({ endpoint }) => ({
    what: `this user may not open ${endpoint}`,
    remedy: "add the user to the group docker, or run taskrole as root",
  }),
  timeout: ({ endpoint, detail }) => ({
    what: `Docker at ${endpoint} did not answer in time (${detail})`,
    remedy: 'see whether "docker ps" hangs too',
  }),
  "not-found": ({ endpoint, detail }) => ({
    what: `Docker at ${endpoint} knows no such thing (${detail})`,
    remedy: "none needed when it was just removed",
  }),
  "bad-answer": ({ endpoint, detail }) => ({
    what: `${endpoint} did not answer as a Docker Engine does (${detail})`,
    remedy: "check the setting dockerEndpoint and Docker's log",
  }),
  unreachable: ({ endpoint, detail }) => ({
    what: `the connection to Docker at ${endpoint} failed (${detail})`,
    remedy: "see whether Docker runs",
  }),
};

/** By `code`, which Node and Bun spell alike (tried on both for a missing socket, a dead one, a closed port). */
const KIND_BY_CODE: Readonly<Record<string, EngineErrorKind>> = {
  ENOENT: "missing-socket",
  ENOTDIR: "missing-socket",
  ECONNREFUSED: "refused",
  EACCES: "permission",
  EPERM: "permission",
  ETIMEDOUT: "timeout",
};

/** Translates whatever `node:http` failed with; an EngineError passes unchanged. */
export function engineErrorFrom(error: unknown, where: { endpoint: string; asked: string }): EngineError {
  if (error instanceof EngineError) return error;
  const code = codeOf(error);
  const kind = code.startsWith("HPE_") ? "bad-answer" : (KIND_BY_CODE[code] ?? "unreachable");
  return new EngineError({ kind, endpoint: where.endpoint, detail: `${where.asked}: ${code}` }, { cause: error });
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "no code";
