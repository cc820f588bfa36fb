import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { onTestFinished } from "vitest";

/** How a test's server answers. */
export type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => unknown;

export interface Origin {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Every request so far. */
  readonly requests: readonly IncomingMessage[];
}

/** A real server on a free port of the loopback, closed when the test ends; `count` tells the requests apart. */
export async function startOrigin(answer: Answer, host = "127.0.0.1"): Promise<Origin> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://${host}:${port}`, requests };
}

/** `size` bytes that tell where they stand, and which version they are of. */
export function bytesOf(size: number, version = 1): Buffer {
  const buffer = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) buffer.writeUInt32LE((at + version * 0x1000_0001) >>> 0, at);
  return buffer;
}

export interface FileAnswer {
  readonly etag?: string;
  readonly headers?: Record<string, string>;
  /** Cuts the connection after so many bytes of the body. */
  readonly dropAfter?: number;
  /** Sends pieces of so many bytes, with a pause between them. */
  readonly slowly?: { readonly bytes: number; readonly everyMs: number };
}

/** Answers like a good file server: ranges, `If-Range`, a validator. */
export async function serveFile(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  { etag = '"v1"', headers = {}, dropAfter, slowly }: FileAnswer = {},
): Promise<void> {
  const range = rangeOf(request, body.length, etag);
  const part = body.subarray(range?.start ?? 0, range?.end);
  response.writeHead(range ? 206 : 200, {
    etag,
    "content-length": part.length,
    ...(range && { "content-range": `bytes ${range.start}-${range.end - 1}/${body.length}` }),
    ...headers,
  });
  const sent = part.subarray(0, dropAfter ?? part.length);
  const step = slowly?.bytes ?? sent.length;
  for (let at = 0; at < sent.length && !response.destroyed; at += step) {
    response.write(sent.subarray(at, at + step));
    if (slowly) await sleep(slowly.everyMs);
  }
  if (sent.length === part.length) return void response.end();
  // Long enough for what was written to have left.
  await sleep(50);
  response.destroy();
}

/** The one range that is asked for, if the version it is wanted of is this one. */
export function rangeOf(
  { headers }: IncomingMessage,
  total: number,
  etag = '"v1"',
): { start: number; end: number } | undefined {
  const [, start, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  const condition = headers["if-range"];
  if (start === undefined || (condition !== undefined && condition !== etag)) return undefined;
  return { start: Number(start), end: last ? Number(last) + 1 : total };
}
