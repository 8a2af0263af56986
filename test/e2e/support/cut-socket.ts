import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";

/** A socket in front of another that a test cuts and mends, while whoever speaks to the other itself notices nothing. */
export class CutSocket {
  readonly path: string;
  readonly #target: string;
  readonly #open = new Set<Socket>();
  #isCut = false;
  readonly #server = createServer({ allowHalfOpen: true }, (near) => this.#join(near));

  constructor(target: string) {
    this.#target = target;
    this.path = `${target}.cut`;
  }

  async listen(): Promise<void> {
    this.#server.listen(this.path);
    await once(this.#server, "listening");
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#open) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
    rmSync(this.path, { force: true });
  }

  #join(near: Socket): void {
    if (this.#isCut) return void near.destroy();
    const far = connect({ path: this.#target, allowHalfOpen: true });
    for (const socket of [near, far]) {
      this.#open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  }
}
