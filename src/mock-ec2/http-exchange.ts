/** One request to the mock, as node:http read it. */
export interface MockRequest {
  readonly method: string;
  /** As sent: nothing decoded, e.g. "/latest/meta-data/" or "/?Action=GetCallerIdentity". */
  readonly target: string;
  /** By lower-case name; the values of a repeated field in the order they came. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Uint8Array;
}

export interface MockAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** What the log may say beyond method, path and status. */
  readonly note?: AnswerNote;
}

/** Never a secret, a session token or a metadata token. */
export interface AnswerNote {
  /** Who asked, as GetCallerIdentity says it. */
  readonly callerArn?: string | undefined;
  readonly action?: string | undefined;
  /** AWS's error code, e.g. "AccessDenied". */
  readonly errorCode?: string | undefined;
  /** Why, in words that AWS does not give to a caller. */
  readonly reason?: string | undefined;
}

/** The first value of a header; undefined when there is none. */
export const header = ({ headers }: Pick<MockRequest, "headers">, name: string): string | undefined =>
  headers.get(name)?.[0];

/**
 * Cut at "?": a path may be logged, a query may hold a session token. Of an
 * absolute target (a client behind a proxy sends one) only the path is kept.
 */
export function splitTarget(target: string): { path: string; query: string } {
  const local = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/#.*$/s, "");
  const at = local.indexOf("?");
  const [path, query] = at === -1 ? [local, ""] : [local.slice(0, at), local.slice(at + 1)];
  return { path: path === "" ? "/" : path, query };
}
