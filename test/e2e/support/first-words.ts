import { readFile } from "node:fs/promises";
import { type HttpAnswer, parseAnswer } from "./http-text.ts";
import { eventually } from "./programs.ts";

/** One step of the sequence a container did as its first act: what it was answered, or the error it met. */
export type FirstWord = HttpAnswer | `E${string}` | "no answer";

/** Token, role name, credentials: asked by the container's first process before anything else ran in it. */
export interface FirstWords {
  readonly token: FirstWord;
  readonly role: FirstWord;
  readonly credentials: FirstWord;
  readonly bytes: Buffer;
}

export async function firstWords(askSocket: string): Promise<FirstWords> {
  const bytes = await eventually(() => readFile(`${askSocket}.first`), 15_000);
  const [token = "no answer", role = "no answer", credentials = "no answer"] = wordsIn(bytes);
  return { token, role, credentials, bytes };
}

function* wordsIn(report: Buffer): Generator<FirstWord> {
  let at = 0;
  while (at < report.length) {
    const lineEnd = report.indexOf("\n", at);
    const [kind, value = ""] = report.toString("latin1", at, lineEnd).split(" ");
    at = lineEnd + 1;
    if (kind === "error") {
      yield value as `E${string}`;
      continue;
    }
    yield parseAnswer(report.subarray(at, at + Number(value)), true) ?? "no answer";
    at += Number(value);
  }
}
