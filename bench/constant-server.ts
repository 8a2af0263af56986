/**
 * constant-server.c over node:net: what the runtime itself costs. Compiled by Bun like the product.
 *
 *   constant-server PORT DIR     DIR holds `token`, `list` and `document`: whole answers.
 */
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";

const [port = "", directory = ""] = process.argv.slice(2);
const answer = (name: string): Buffer => readFileSync(join(directory, name));
const token = answer("token");
const list = answer("list");
const document = answer("document");

function answerTo(request: string): Buffer {
  if (request.startsWith("PUT ")) return token;
  return request.includes("/ HTTP/1.1\r\n") ? list : document;
}

/** One request at a time: the load never sends the next before it has the answer. */
function serve(socket: Socket): void {
  let request = "";
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    request += bytes.toString("latin1");
    if (!request.includes("\r\n\r\n")) return;
    const isLast = request.includes("\r\nConnection: close\r\n");
    const bytesOut = answerTo(request);
    request = "";
    if (isLast) socket.end(bytesOut);
    else socket.write(bytesOut);
  });
}

createServer({ noDelay: true }, serve).listen(Number(port), "127.0.0.1");
