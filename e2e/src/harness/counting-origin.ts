import { open, type FileHandle } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const CHUNK_BYTES = 64 << 10;

/** A file of this machine that is served at a URL. */
export interface Served {
  readonly file: string;
  /** A strong entity tag, quotes and all. */
  readonly etag: string;
  /** Bytes a second, of all connections that fetch it. */
  readonly bytesPerSecond: number;
}

/** A GET that came, and what was asked for in it. */
export interface SeenRequest {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

/** A URL whose traffic is counted. */
export interface CountedUrl {
  readonly url: string;
  /** Body bytes that were given to the kernel so far; of a chunk that a closing connection cut short, all. */
  readonly sent: number;
  readonly requests: readonly SeenRequest[];
  /** The client's ports of the connections that are being answered now. */
  readonly ports: readonly number[];
  /** From now on every request is answered with that status, and what is being answered is cut off. */
  refuse(status: number): void;
}

/** A server of files that honours ranges and tells how much it was made to send. */
export interface CountingOrigin {
  serve(path: string, served: Served): CountedUrl;
  close(): Promise<void>;
}

/** Starts one on a free port of loopback. */
export async function startCountingOrigin(): Promise<CountingOrigin> {
  const files = new Map<string, CountedFile>();
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? "");
    if (file) file.answer(request, response).catch(() => response.destroy());
    else response.writeHead(404).end();
  });
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    serve: (path, served) => {
      const file = new CountedFile(`http://127.0.0.1:${port}${path}`, served);
      files.set(path, file);
      return file;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => void server.close(closed));
      await Promise.all([...files.values()].map((file) => file.close()));
    },
  };
}

class CountedFile implements CountedUrl {
  readonly url: string;
  readonly requests: SeenRequest[] = [];
  readonly #served: Served;
  readonly #answering = new Set<Socket>();
  #opened: Promise<FileHandle> | undefined;
  #status: number | undefined;
  #freeAt = 0;
  #sent = 0;

  constructor(url: string, served: Served) {
    this.url = url;
    this.#served = served;
  }

  get sent(): number {
    return this.#sent;
  }

  get ports(): number[] {
    return [...this.#answering].flatMap(({ remotePort }) => remotePort ?? []);
  }

  refuse(status: number): void {
    this.#status = status;
    for (const socket of this.#answering) socket.destroy();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { range, "if-range": ifRange } = request.headers;
    this.requests.push({ range, ifRange: ifRange?.toString() });
    if (this.#status !== undefined) return void response.writeHead(this.#status).end();
    const { socket } = request;
    this.#answering.add(socket);
    response.once("close", () => this.#answering.delete(socket));
    await this.#send(response, range, ifRange?.toString());
  }

  async #send(response: ServerResponse, range?: string, ifRange?: string): Promise<void> {
    const { etag, file } = this.#served;
    const handle = await (this.#opened ??= open(file));
    const { size } = await handle.stat();
    const headers = { etag, "accept-ranges": "bytes", "content-type": "application/octet-stream" };
    const [, from, to] = (ifRange ?? etag) === etag ? (/^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? []) : [];
    const start = Number(from ?? 0);
    const end = Math.min(size, to ? Number(to) + 1 : size);
    if (start > 0 && start >= size) {
      return void response.writeHead(416, { ...headers, "content-range": `bytes */${size}` }).end();
    }
    const partial = { ...headers, "content-range": `bytes ${start}-${end - 1}/${size}` };
    const head = from === undefined ? headers : partial;
    response.writeHead(from === undefined ? 200 : 206, { ...head, "content-length": end - start });
    response.flushHeaders();
    for (let at = start; at < end && !response.destroyed; at += CHUNK_BYTES) {
      await this.#turn(Math.min(CHUNK_BYTES, end - at));
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
      await handle.read(chunk, 0, chunk.length, at);
      if (response.destroyed) return;
      this.#sent += chunk.length;
      // The next one follows when the kernel has all of this one.
      await new Promise((written) => void response.write(chunk, written));
    }
    response.end();
  }

  async #turn(bytes: number): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes / this.#served.bytesPerSecond) * 1000;
    await sleep(this.#freeAt - now);
  }

  async close(): Promise<void> {
    await (await this.#opened)?.close();
  }
}
