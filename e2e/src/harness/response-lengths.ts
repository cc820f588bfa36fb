/**
 * Finds where responses begin in the bytes of one HTTP/1.1 connection, for a server that sends `Content-Length` and a
 * client that does not pipeline.
 */
export class ResponseLengths {
  #left = 0;

  /** Takes the next bytes; the whole length, head and body, of the response that begins with them, if one does. */
  take(chunk: Buffer): number | undefined {
    if (this.#left > 0) {
      this.#left -= chunk.length;
      return undefined;
    }
    const head = chunk.toString("latin1", 0, 4_096);
    const end = head.indexOf("\r\n\r\n");
    const [, body] = /\r\ncontent-length: (\d+)\r\n/i.exec(head) ?? [];
    if (end < 0 || body === undefined) return undefined;
    const length = end + 4 + Number(body);
    this.#left = length - chunk.length;
    return length;
  }
}
