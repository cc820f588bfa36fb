import fs from "node:fs";
import type { ServerResponse } from "node:http";
import { promisify } from "node:util";

import type { ByteRange } from "./range.ts";

const BUFFER_BYTES = 512 * 1024;
const MAX_POOLED = 32;

const read = promisify(fs.read);
const pool: Buffer[] = [];

/**
 * Sends bytes of an open file as a response's body and ends it. Two buffers take turns: while one is on its way to the
 * socket the next is read, and nothing is allocated per chunk.
 *
 * A file that ends before `range` does, or a client that goes away, ends the connection abnormally, so that nobody can
 * take a part for the whole.
 */
export async function sendFile(fd: number, range: ByteRange, response: ServerResponse): Promise<void> {
  try {
    if (range.end - range.start <= BUFFER_BYTES) await sendSmall(fd, range, response);
    else await sendLarge(fd, range, response);
  } catch (error) {
    response.destroy();
    throw error;
  }
}

async function sendSmall(fd: number, { start, end }: ByteRange, response: ServerResponse): Promise<void> {
  const buffer = Buffer.allocUnsafe(end - start);
  let filled = 0;
  while (filled < buffer.length) filled += await readSome(fd, buffer.subarray(filled), start + filled);
  response.end(buffer);
}

async function sendLarge(fd: number, { start, end }: ByteRange, response: ServerResponse): Promise<void> {
  const buffers = [takeBuffer(), takeBuffer()] as const;
  const sent: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
  let turn: 0 | 1 = 0;
  for (let position = start; position < end;) {
    await sent[turn]; // its bytes have left, so it may be filled again
    const chunk = buffers[turn].subarray(0, Math.min(BUFFER_BYTES, end - position));
    const bytes = await readSome(fd, chunk, position);
    position += bytes;
    sent[turn] = write(response, chunk.subarray(0, bytes));
    // Noticed when its turn comes; until then it must not count as unhandled.
    sent[turn].catch(() => undefined);
    turn = turn === 0 ? 1 : 0;
  }
  await Promise.all(sent);
  // Only now, and not after a failure: a socket that is being torn down may still hold them.
  for (const buffer of buffers) if (pool.length < MAX_POOLED) pool.push(buffer);
  response.end();
}

function takeBuffer(): Buffer {
  return pool.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
}

async function readSome(fd: number, into: Buffer, position: number): Promise<number> {
  const { bytesRead } = await read(fd, into, 0, into.length, position);
  if (bytesRead === 0) throw new FileShrankError();
  return bytesRead;
}

/** Resolves when the bytes have been handed to the system; rejects when they never will be. */
function write(response: ServerResponse, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new ClientGoneError());
    if (response.destroyed) return onClose();
    response.once("close", onClose);
    response.write(chunk, (error) => {
      response.off("close", onClose);
      if (error) reject(new ClientGoneError({ cause: error }));
      else resolve();
    });
  });
}

/** The file became shorter while it was sent. */
export class FileShrankError extends Error {
  readonly code = "FILE_SHRANK";

  constructor() {
    super("The file became shorter while it was sent.");
    this.name = "FileShrankError";
  }
}

/** The client closed the connection before the end. */
export class ClientGoneError extends Error {
  readonly code = "CLIENT_GONE";

  constructor(options?: ErrorOptions) {
    super("The client closed the connection before the end.", options);
    this.name = "ClientGoneError";
  }
}
