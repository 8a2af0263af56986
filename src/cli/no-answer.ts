import type { NoAdminReply } from "../admin/admin-client.ts";

/** For whoever asked the daemon at this socket: what happened, and what to do. */
export const noAnswer = (path: string, { code }: NoAdminReply): string =>
  code === "ETIMEDOUT"
    ? `the daemon at ${path} does not answer: it hangs, or the machine is overloaded; its log may say more`
    : `no daemon answers at ${path} (${code ?? "no JSON"}): ${remedyOf(code)}`;

const remedyOf = (code: string | undefined): string =>
  code === "EACCES" || code === "EPERM"
    ? "ask as root, or as a member of the socket's group"
    : "is `taskrole serve` running? If its settings are elsewhere, name them with --config, or its socket with --admin-socket";
