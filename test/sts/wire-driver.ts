import { Refusal } from "../../src/core/failure.ts";
import type { Grant } from "../../src/core/grant.ts";
import { StsIssuer } from "../../src/sts/sts-issuer.ts";

export interface Outcome {
  /** The access key id, or the kind and code of the failure. */
  readonly text: string;
  readonly retryAfterMs?: number;
  readonly tookMs: number;
}

export const GRANT: Grant = {
  roleArn: "arn:aws:iam::111122223333:role/team/reader",
  roleName: "reader",
  sessionName: "web",
  sessionSeconds: 3600,
  sessionKey: "k",
  decidedBy: { place: "label taskrole.role" },
};

/** The limits of the product, shortened alike. */
export const LIMITS = { connectMs: 500, firstTryMs: 1_500, secondTryMs: 3_000, flightMs: 9_000 };

export const SIGNING = {
  accessKeyId: "ASIAHOST",
  secretAccessKey: "host-secret",
  sessionToken: "host-token",
  expiration: new Date(8.64e15),
};

export async function outcomeOf(issuer: StsIssuer): Promise<Outcome> {
  const since = performance.now();
  const done = await issuer.issue(GRANT).then(({ accessKeyId }) => ({ text: accessKeyId }), refusal);
  return { ...done, tookMs: Math.round(performance.now() - since) };
}

function refusal(error: unknown): { text: string; retryAfterMs?: number } {
  if (!(error instanceof Refusal)) throw error;
  const { kind, code, retryAfterMs } = error.failure as { kind: string; code?: string; retryAfterMs?: number };
  return { text: `${kind} ${code}`, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** One flight for each row, all at once, each by an issuer of its own. */
export async function outcomes(base: string, rows: readonly string[]): Promise<Readonly<Record<string, Outcome>>> {
  const one = async (row: string): Promise<[string, Outcome]> => {
    const issuer = new StsIssuer({
      region: () => Promise.resolve("us-east-1"),
      endpoint: row.startsWith("http") ? row : `${base}/${row}`,
      hostCredentials: () => Promise.resolve(SIGNING),
      now: Date.now,
      timeLimits: LIMITS,
    });
    return [row, await outcomeOf(issuer)];
  };
  return Object.fromEntries(await Promise.all(rows.map(one)));
}

/** As a program: for the runtime that is not the test's own. */
if (import.meta.main) {
  const [base = "", ...rows] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(await outcomes(base, rows)));
  process.exit();
}
