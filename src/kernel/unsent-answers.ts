import type { RunCommand } from "../kit/run-command.ts";

/** Closed by us, and not yet told to the other end. */
const CLOSING_STATES = ["fin-wait-1", "closing", "last-ack"].flatMap((state) => ["state", state]);

/**
 * Ends the connections that a killed daemon left behind. The kernel goes on sending what they had not sent yet, for a
 * minute or more, to an address that may be another's by now; only the old bindings keep that from being heard, and a new
 * daemon begins without any. What a kernel without SOCK_DESTROY leaves is dropped by the rules once its translation is gone.
 *
 * https://man7.org/linux/man-pages/man8/ss.8.html (`-K`)
 */
export async function endUnsentAnswers(port: number, run: RunCommand): Promise<void> {
  await run(["ss", "-K", "-Htan", ...CLOSING_STATES, "sport", "=", `:${port}`]);
}
