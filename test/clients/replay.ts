import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Said } from "./client-process.ts";
import { CONVERSATIONS, type Conversation, type Step } from "./replayed.ts";

/** A client that cannot be installed, as a program: `replay.ts NAME` sends what it was seen to send, byte by byte. */

const PATIENCE_MS = 5_000;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One answer, by its own Content-Length. */
async function answerOn(socket: Socket): Promise<Answer> {
  let text = "";
  const whole = Promise.withResolvers<Answer>();
  const read = (bytes: Buffer): void => {
    text += bytes.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    const [head, body] = [text.slice(0, end), text.slice(end + 4)];
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    if (end !== -1 && body.length >= length) whole.resolve({ status: Number(head.split(" ")[1]), body });
  };
  const fail = (): void => whole.reject(new Error("closed without an answer"));
  socket.on("data", read).once("close", fail);
  socket.setTimeout(PATIENCE_MS, () => whole.reject(new Error("no answer")));
  try {
    return await whole.promise;
  } finally {
    socket.off("data", read).off("close", fail);
  }
}

async function converse({ steps }: Conversation): Promise<Said> {
  const heard: Record<NonNullable<Step["gives"]>, string> = { token: "", role: "", document: "" };
  let socket: Socket | undefined;
  try {
    for (const step of steps) {
      if (step.opens || !socket) {
        socket?.destroy();
        socket = connect({ host: "169.254.169.254", port: 80 });
        await once(socket, "connect");
      }
      socket.write(step.bytes.replace("{token}", heard.token).replace("{role}", heard.role));
      const { status, body } = await answerOn(socket);
      if (status !== (step.status ?? 200)) return { error: `${step.bytes.split(" HTTP")[0]}: ${status}` };
      if (step.gives) heard[step.gives] = body;
    }
  } finally {
    socket?.destroy();
  }
  return { accessKeyId: JSON.parse(heard.document).AccessKeyId };
}

const [name = "", flag] = process.argv.slice(2);
const conversation = CONVERSATIONS[name];
if (!conversation) throw new Error(`no conversation ${name}`);
if (flag === "--version") {
  console.log(conversation.version);
} else {
  for await (const _ of createInterface({ input: process.stdin })) {
    const said = await converse(conversation).catch((error: unknown) => ({ error: String(error) }));
    console.log(JSON.stringify(said));
  }
}
