import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { onTestFinished } from "vitest";

/** One end of a connection: what is sent is up to the test, byte by byte, and what comes back is kept. */
export class RawClient {
  readonly socket: Socket;
  /** Everything that was received. */
  received = "";
  /** How the connection ended, once it has: `end` in order, else the error's code. */
  ending: string | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => void (this.received += text));
    socket.on("end", () => (this.ending ??= "end"));
    socket.on("error", (error: NodeJS.ErrnoException) => (this.ending ??= error.code ?? error.message));
  }

  /** Connects to a port of this machine; the connection is gone when the test ends. */
  static async open(port: number): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    await once(socket, "connect");
    onTestFinished(() => void socket.destroy());
    return new RawClient(socket);
  }

  send(data: string | Uint8Array): boolean {
    return this.socket.write(data);
  }

  /** Waits until what was received matches; fails when the connection ends before. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      if (this.ending !== undefined)
        throw new Error(`${this.ending} before ${pattern}:\n${this.received.slice(0, 2_000)}`);
      await Promise.race([once(this.socket, "data"), once(this.socket, "close"), once(this.socket, "end")]);
    }
    return this.received;
  }

  /** Waits until the other side ends the connection, and resolves to how. */
  async untilEnded(): Promise<string> {
    while (this.ending === undefined) {
      await Promise.race([once(this.socket, "end"), once(this.socket, "close")]).catch(() => undefined);
      if (this.socket.closed) this.ending ??= "close";
    }
    return this.ending;
  }
}

/** The body of the last of the responses in a text, read as JSON. */
export function lastJson(received: string): unknown {
  return JSON.parse(received.slice(received.lastIndexOf("\r\n\r\n") + 4));
}
