import { type IncomingMessage, type RequestOptions, request } from "node:http";

export interface AdminReply {
  readonly status: number;
  /** What the daemon wrote, read as JSON. */
  readonly body: unknown;
}

/** Nobody answers at the socket, or not in time, or not in JSON. */
export class NoAdminReply extends Error {
  override readonly name = "NoAdminReply";
  /** The system's, e.g. "ENOENT"; undefined where it gives none. */
  readonly code: string | undefined;

  constructor(socketPath: string, cause: unknown) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
    super(`no answer at ${socketPath}: ${code ?? String(cause)}`, { cause });
    this.code = code;
  }
}

export interface AdminQuestion {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly patienceMs?: number;
}

const PATIENCE_MS = 10_000;

/** @throws NoAdminReply */
export async function askAdmin(
  socketPath: string,
  { method, path, patienceMs = PATIENCE_MS }: AdminQuestion,
): Promise<AdminReply> {
  try {
    return await exchange({ socketPath, method, path, agent: false, timeout: patienceMs });
  } catch (error) {
    throw new NoAdminReply(socketPath, error);
  }
}

function exchange(options: RequestOptions): Promise<AdminReply> {
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => void replyOf(response).then(resolve, reject));
    sent.on("timeout", () => sent.destroy(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" })));
    sent.on("error", reject);
    sent.end();
  });
}

async function replyOf(response: IncomingMessage): Promise<AdminReply> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return { status: response.statusCode ?? 0, body: JSON.parse(text) };
}
