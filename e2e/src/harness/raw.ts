import { connect, type Socket } from "node:net";

import type { Answer } from "./http.ts";

const LIMIT_MS = 30_000;

/** Opens a plain connection to a service. */
export function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) || 80, allowHalfOpen: true });
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error("nothing came for too long")));
    socket.once("connect", () => resolve(socket.off("error", reject)));
    socket.once("error", reject);
  });
}

/** Everything the other side sends until it closes, also when it resets the connection at the end. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    for (const event of ["end", "error", "close"]) socket.once(event, () => resolve());
  });
  socket.on("error", () => undefined).destroy();
  return Buffer.concat(chunks);
}

/**
 * Sends bytes as they are on a connection of their own, and resolves to every response that comes until the other side
 * closes.
 *
 * @param halfClose ends this side's half as soon as the bytes are out
 */
export async function exchange(
  url: string,
  bytes: string | Buffer,
  options: { halfClose?: boolean } = {},
): Promise<Answer[]> {
  const socket = await dial(url);
  const received = readAll(socket);
  if (options.halfClose) socket.end(bytes);
  else socket.write(bytes);
  return parseResponses(await received);
}

/** Sends one request with the path exactly as written. */
export async function sendPath(url: string, method: string, path: string, headers = ""): Promise<Answer> {
  const [answer] = await exchange(
    url,
    `${method} ${path} HTTP/1.1\r\nHost: e2e\r\nConnection: close\r\n${headers}\r\n`,
  );
  if (!answer) throw new Error(`no answer to ${method} ${path}`);
  return answer;
}

/** The responses in a stream of bytes (RFC 9112); bodies by length or chunked. */
export function parseResponses(bytes: Buffer): Answer[] {
  const answers: Answer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const headEnd = rest.indexOf("\r\n\r\n");
    if (headEnd === -1) break;
    const [first = "", ...lines] = rest.subarray(0, headEnd).toString("latin1").split("\r\n");
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(":")).toLowerCase(),
        line.slice(line.indexOf(":") + 1).trim(),
      ]),
    );
    const status = Number(first.split(" ")[1]);
    const { body, end } = bodyOf(rest.subarray(headEnd + 4), status, headers);
    answers.push({ status, headers, body });
    rest = rest.subarray(headEnd + 4 + end);
  }
  return answers;
}

function bodyOf(
  bytes: Buffer,
  status: number,
  headers: Record<string, string>,
): { body: Buffer; end: number } {
  if (status < 200 || status === 204 || status === 304) return { body: Buffer.alloc(0), end: 0 };
  if (headers["transfer-encoding"] === "chunked") return chunkedBody(bytes);
  const end = Number(headers["content-length"] ?? bytes.length);
  return { body: bytes.subarray(0, end), end };
}

function chunkedBody(bytes: Buffer): { body: Buffer; end: number } {
  const chunks: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    const start = lineEnd + 2;
    at = start + size + 2;
    if (size === 0 || Number.isNaN(size)) break;
    chunks.push(bytes.subarray(start, start + size));
  }
  return { body: Buffer.concat(chunks), end: at };
}
