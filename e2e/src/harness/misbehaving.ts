import { createServer, type AddressInfo, type ListenOptions, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type SecureContextOptions } from "node:tls";

import { Exchange, GoneError, type Received } from "./exchange.ts";
import { RequestReader } from "./request-reader.ts";

/** What an origin does with one request. It may end the connection; a connection left open waits for the next request. */
export type Script = (exchange: Exchange) => Promise<void> | void;

/** What is served below one path, and what was asked of it. */
export interface Endpoint {
  /** With a slash at both ends. */
  readonly path: string;
  /** In the order they came. */
  readonly requests: readonly Received[];
  /** Bytes that left for it: heads, bodies and all. */
  readonly bytesSent: () => number;
}

/** How one listener of an origin is different from plain HTTP on a free port of loopback. */
export interface ListenerOptions {
  /** Default: a free port of 127.0.0.1. */
  readonly where?: ListenOptions;
  readonly tls?: SecureContextOptions;
  /** Takes a fresh connection, before TLS; true when it has dealt with it. `count` is 1 for the first. */
  readonly intercept?: (socket: Socket, count: number) => boolean;
}

/** A listener of an origin. */
export interface Listener {
  /** Its scheme, address and port; no slash at the end. */
  readonly url: string;
  readonly connections: () => number;
  close(): Promise<void>;
}

interface Place extends Endpoint {
  readonly script: Script;
  readonly requests: Received[];
  sent: number;
}

/**
 * An HTTP server on raw sockets: every byte it sends is the script's, so that it can do what no server should. The same
 * paths are served by all of its listeners.
 */
export class MisbehavingOrigin {
  readonly #places = new Map<string, Place>();
  readonly #servers = new Map<Server, Set<Socket>>();
  readonly #failures: unknown[] = [];
  #connections = 0;

  /** What scripts threw, other than that the other side had gone. */
  get failures(): readonly unknown[] {
    return this.#failures;
  }

  /** Serves every path that begins with `/name/`. */
  serve(name: string, script: Script): Endpoint {
    const path = `/${name}/`;
    if (this.#places.has(path)) throw new Error(`${path} is served already`);
    const place: Place = { path, script, requests: [], sent: 0, bytesSent: () => place.sent };
    this.#places.set(path, place);
    return place;
  }

  async listen({ where, tls, intercept }: ListenerOptions = {}): Promise<Listener> {
    const sockets = new Set<Socket>();
    let url = "";
    let count = 0;
    const onPlain = (socket: Socket): void => void this.#converse(socket, url);
    const secure = tls && createTlsServer(tls, onPlain).on("tlsClientError", () => undefined);
    const server = createServer({ noDelay: true }, (socket) => {
      count++;
      sockets.add(socket);
      socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
      if (intercept?.(socket, count)) return;
      if (secure) secure.emit("connection", socket);
      else onPlain(socket);
    });
    this.#servers.set(server, sockets);
    await new Promise<void>((done, failed) => {
      server.once("error", failed).listen(where ?? { port: 0, host: "127.0.0.1" }, done);
    });
    const address = server.address() as AddressInfo | string;
    if (typeof address === "object") {
      const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
      url = `${tls ? "https" : "http"}://${host}:${address.port}`;
    }
    return { url, connections: () => count, close: () => this.#close(server) };
  }

  /** Ends every connection and every listener. */
  async close(): Promise<void> {
    await Promise.all([...this.#servers.keys()].map((server) => this.#close(server)));
  }

  async #close(server: Server): Promise<void> {
    const closed = new Promise((done) => void server.close(done));
    for (const socket of this.#servers.get(server) ?? []) socket.destroy();
    this.#servers.delete(server);
    await closed;
  }

  /** One request after the other, for as long as the scripts leave the connection open. */
  async #converse(socket: Socket, base: string): Promise<void> {
    this.#connections++;
    const connection = this.#connections;
    socket.on("error", () => undefined);
    const reader = new RequestReader(socket);
    for (;;) {
      const request = await reader.next();
      if (!request) return void socket.end();
      const place = this.#placeOf(request.target);
      if (!place) return void socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      const received: Received = { ...request, connection, atMs: Date.now() };
      place.requests.push(received);
      const exchange = new Exchange(socket, received, {
        base: base + place.path,
        count: place.requests.length,
        onSent: (bytes) => (place.sent += bytes),
      });
      try {
        await place.script(exchange);
      } catch (error) {
        if (!(error instanceof GoneError)) this.#failures.push(error);
        socket.destroy();
      }
      if (socket.writableEnded || socket.destroyed) return;
    }
  }

  #placeOf(target: string): Place | undefined {
    return this.#places.get(/^\/[^/?]*\//.exec(target)?.[0] ?? "");
  }
}
