import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

const ROLES = "/latest/meta-data/iam/security-credentials/";

/**
 * Writes one sequence's answers, byte for byte, as `token`, `list` and `document`: what the constant servers answer, so
 * that they send exactly as much as taskrole does.
 *
 * @param from the container's address; its credentials must be at hand
 */
export async function captureAnswers(port: number, from: string, directory: string): Promise<void> {
  const ask = async (name: string, line: string, field: string): Promise<string> => {
    const request = `${line} HTTP/1.1\r\nHost: 169.254.169.254\r\n${field}\r\n\r\n`;
    const answer = await rawAnswer({ port, from, request });
    if (!answer.startsWith("HTTP/1.1 200 "))
      throw new Error(`the ${name} could not be had: ${answer.split("\r\n")[0]}`);
    writeFileSync(join(directory, name), answer, "latin1");
    return answer.slice(answer.indexOf("\r\n\r\n") + 4);
  };
  const token = await ask("token", "PUT /latest/api/token", "x-aws-ec2-metadata-token-ttl-seconds: 21600");
  const field = `x-aws-ec2-metadata-token: ${token}`;
  const role = await ask("list", `GET ${ROLES}`, field);
  await ask("document", `GET ${ROLES}${role}`, field);
}

async function rawAnswer({ port, from, request }: { port: number; from: string; request: string }): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from });
  try {
    socket.write(request);
    let answer = "";
    while (!isWhole(answer)) answer += ((await once(socket, "data")) as [Buffer])[0].toString("latin1");
    return answer;
  } finally {
    socket.destroy();
  }
}

function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf("\r\n\r\n");
  const length = Number(/\r\nContent-Length: (\d+)/.exec(answer)?.[1]);
  return headEnd !== -1 && answer.length >= headEnd + 4 + length;
}
