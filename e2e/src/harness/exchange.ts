import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import type { ReceivedRequest } from "./request-reader.ts";

/** The other side has closed the connection: there is nobody left to send to. */
export class GoneError extends Error {}

/** A request, and when and where it came. */
export interface Received extends ReceivedRequest {
  /** Which of the origin's connections it came on. */
  readonly connection: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** Header fields, written as given; an undefined one is left out, and a list is written line by line. */
export type Fields = Readonly<Record<string, string | number | readonly string[] | undefined>>;

interface ExchangeOptions {
  readonly base: string;
  readonly count: number;
  readonly onSent: (bytes: number) => void;
}

/** Long enough for what was written to have been read, so that a reset does not take it along. */
const BEFORE_RESET_MS = 30;

/** One request, and the connection to do with as a script pleases. */
export class Exchange {
  readonly request: Received;
  /** 1 for the first request of this endpoint. */
  readonly count: number;
  /** The endpoint's URL, on the listener that the request came to; with a slash at the end. */
  readonly base: string;
  readonly #socket: Socket;
  readonly #onSent: (bytes: number) => void;
  readonly #gone: Promise<never>;

  constructor(socket: Socket, request: Received, { base, count, onSent }: ExchangeOptions) {
    this.#socket = socket;
    this.request = request;
    this.base = base;
    this.count = count;
    this.#onSent = onSent;
    this.#gone = new Promise((_, gone) => socket.once("close", () => gone(new GoneError())));
    this.#gone.catch(() => undefined);
  }

  /** What follows the endpoint's own path, without the query. */
  get rest(): string {
    return this.request.target.replace(/^\/[^/]*\//, "").replace(/\?.*$/, "");
  }

  /** Sends bytes as they are; characters as Latin-1. Resolves when they have left. */
  async send(bytes: string | Buffer): Promise<void> {
    if (this.#socket.destroyed) throw new GoneError();
    const buffer = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    const left = new Promise<void>((done, gone) => {
      this.#socket.write(buffer, (error) => (error ? gone(new GoneError()) : done()));
    });
    await Promise.race([left, this.#gone]);
    this.#onSent(buffer.length);
  }

  /** Sends a head of the given status line, such as `HTTP/1.1 200 OK`. */
  async sendHead(statusLine: string, fields: Fields): Promise<void> {
    const lines = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((each) => `${name}: ${each}\r\n`),
    );
    await this.send(`${statusLine}\r\n${lines.join("")}\r\n`);
  }

  /** Waits, unless the other side closes meanwhile. */
  async pause(ms: number): Promise<void> {
    await Promise.race([sleep(ms, undefined, { ref: false }), this.#gone]);
  }

  /** Says nothing more until the other side has had enough. */
  async stall(): Promise<void> {
    await this.#gone;
  }

  /** Ends the connection as is proper. */
  end(): void {
    this.#socket.end();
  }

  /** Breaks the connection off, once what was sent has had the time to arrive. */
  async reset(): Promise<void> {
    await this.pause(BEFORE_RESET_MS);
    this.#socket.resetAndDestroy();
  }
}
