import type { Socket } from "node:net";

/** A request as it was sent. */
export interface ReceivedRequest {
  readonly method: string;
  /** The path and the query. */
  readonly target: string;
  /** By lower-case name; a field on several lines is one, with commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** Reads requests off a connection, one after the other. Bodies have a length; nobody sends these origins another. */
export class RequestReader {
  readonly #socket: Socket;
  #pending = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #isOver = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, chunk]);
      this.#wake();
    });
    for (const event of ["end", "close"]) {
      socket.once(event, () => {
        this.#isOver = true;
        this.#wake();
      });
    }
  }

  /** The next request; undefined when the other side has closed. */
  async next(): Promise<ReceivedRequest | undefined> {
    for (;;) {
      const request = this.#take();
      if (request) return request;
      if (this.#isOver || this.#socket.destroyed) return undefined;
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  #take(): ReceivedRequest | undefined {
    const end = this.#pending.indexOf("\r\n\r\n");
    if (end === -1) return undefined;
    const [first = "", ...lines] = this.#pending.subarray(0, end).toString("latin1").split("\r\n");
    const headers = fields(lines);
    const bodyEnd = end + 4 + Number(headers["content-length"] ?? 0);
    if (this.#pending.length < bodyEnd) return undefined;
    const body = this.#pending.subarray(end + 4, bodyEnd);
    this.#pending = this.#pending.subarray(bodyEnd);
    const [method = "", target = ""] = first.split(" ");
    return { method, target, headers, body };
  }
}

function fields(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}
