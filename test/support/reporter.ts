import { basename } from "node:path";
import type { TestEvent } from "node:test/reporters";

/** How often each thing happened. */
interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * A line per failure and per skip, and at the end "N passed, N failed[, N skipped]".
 * With REQUIRE_ALL=1 a skip is a failure.
 */
// biome-ignore lint/style/noDefaultExport: node --test-reporter takes the default export
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  for await (const event of source) yield* told(event, count);
  if (count.skipped > 0 && process.env["REQUIRE_ALL"] === "1") {
    yield "REQUIRE_ALL=1: a skipped test is a failure\n";
    process.exitCode = 1;
  }
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
  yield `${count.passed} passed, ${count.failed} failed${skipped}\n`;
}

function* told(event: TestEvent, count: Count): Generator<string> {
  if (event.type === "test:stderr" || event.type === "test:stdout") yield event.data.message;
  if (event.type === "test:pass" || event.type === "test:fail") yield* toldOfResult(event, count);
}

type Result = Extract<TestEvent, { type: "test:pass" | "test:fail" }>;

function* toldOfResult(event: Result, count: Count): Generator<string> {
  const { data } = event;
  const skip = data.skip ?? data.todo;
  if (skip !== undefined) {
    count.skipped += 1;
    yield `skipped: ${data.name}: ${String(skip)} (${basename(data.file ?? "?")})\n`;
  } else if (event.type === "test:fail") {
    if (isFailureOfSubtests(event.data.details.error)) return;
    count.failed += 1;
    yield `FAILED: ${data.name} (${data.file}:${data.line})\n${indented(event.data.details.error)}\n`;
  } else if (data.details.type !== "suite") {
    count.passed += 1;
  }
}

function indented(error: Error & { cause?: unknown }): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return (cause.stack ?? String(cause)).replace(/^/gm, "    ");
}

const isFailureOfSubtests = (error: Error): boolean => "failureType" in error && error.failureType === "subtestsFailed";
