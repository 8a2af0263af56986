import type { EpochMs } from "./credentials.ts";

/** 2024-05-16T16:25:16Z: UTC whatever the process's time zone, and no fraction, which some clients cannot read. */
export const utcSeconds = (at: EpochMs): string => new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
