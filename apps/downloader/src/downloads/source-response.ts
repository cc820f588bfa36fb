import type { IncomingHttpHeaders } from "node:http";

import { errors, type Dispatcher } from "undici";

import { AttemptError } from "./errors.ts";

const HOUR_MS = 3_600_000;
/** A source that drips never stalls; this is when it gives its place to others, and queues up for the rest. */
const TRANSFER_TIMEOUT_MS = 24 * HOUR_MS;

export interface SourceRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** How long the head may take from when the request is sent, interim responses and all. */
  readonly headersTimeoutMs: number;
  /** How long the body may take; default: a day. */
  readonly transferTimeoutMs?: number;
  /** Ends the exchange, at whatever point it is, with the signal's reason. */
  readonly signal: AbortSignal;
}

/** Takes a chunk; a promise asks for a pause until it resolves. */
export type Write = (chunk: Buffer) => Promise<void> | undefined;

/** A response whose head has arrived, and whose body waits to be asked for. */
export interface SourceResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /**
   * Hands over the body, and resolves at its end.
   *
   * @throws what `write` throws; {@link AttemptError} `STALLED` when nothing comes for so long while it is awaited,
   * `TIMED_OUT` when the whole takes too long
   */
  receive(write: Write, stallTimeoutMs: number): Promise<void>;
  /** Gives up the body, and the connection with it; what is being received fails with `reason`. */
  discard(reason?: Error): void;
}

/**
 * Sends one GET. The response's head is awaited; its body does not flow before {@link SourceResponse.receive}.
 *
 * The times are kept here: undici's limit on the head starts anew with each interim response.
 */
export function sendGet(dispatcher: Dispatcher, request: SourceRequest): Promise<SourceResponse> {
  const { url, headers } = request;
  const exchange = new Exchange(request);
  const { origin, pathname, search } = url;
  dispatcher.dispatch(
    { origin, path: pathname + search, method: "GET", headers, headersTimeout: 0, bodyTimeout: 0 },
    exchange,
  );
  return exchange.head;
}

/** One request and its response, as undici tells of them. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal;
  readonly #headersTimeoutMs: number;
  readonly #transferTimeoutMs: number;
  readonly #head = Promise.withResolvers<SourceResponse>();
  readonly #end = Promise.withResolvers<void>();
  #controller: Dispatcher.DispatchController | undefined;
  #write: Write = () => undefined;
  /** Of the head, and then of the body. */
  #deadline: NodeJS.Timeout | undefined;
  #stall: NodeJS.Timeout | undefined;
  #stallTimeoutMs = 0;
  #isSettled = false;

  constructor({ signal, headersTimeoutMs, transferTimeoutMs = TRANSFER_TIMEOUT_MS }: SourceRequest) {
    this.#signal = signal;
    this.#headersTimeoutMs = headersTimeoutMs;
    this.#transferTimeoutMs = transferTimeoutMs;
    // Whichever of the two nobody awaits any more fails with the other.
    this.#head.promise.catch(() => undefined);
    this.#end.promise.catch(() => undefined);
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  get head(): Promise<SourceResponse> {
    return this.#head.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) return controller.abort(this.#reason());
    clearTimeout(this.#deadline); // a request that found its connection closed is sent on another
    this.#deadline = setTimeout(() => this.#fail(new errors.HeadersTimeoutError()), this.#headersTimeoutMs);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return; // an interim response; the one that counts follows
    clearTimeout(this.#deadline);
    controller.pause();
    // Left there, they would keep the 64 KiB of the read that they came in for as long as the response lasts.
    controller.rawHeaders = null;
    this.#head.resolve({
      status,
      headers: combined(headers),
      receive: (write, stallTimeoutMs) => this.#receive(controller, write, stallTimeoutMs),
      discard: (reason) => this.#fail(reason ?? new Error("The body is not wanted.")),
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#stall?.refresh();
    const wait = this.#write(chunk);
    if (!wait) return;
    controller.pause();
    clearTimeout(this.#stall); // it is the disk that is waited for
    wait.then(
      () => this.#flow(controller),
      (error: unknown) => this.#fail(error),
    );
  }

  onResponseEnd(): void {
    this.#settle();
    this.#end.resolve();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle();
    this.#head.reject(error);
    this.#end.reject(error);
  }

  #receive(controller: Dispatcher.DispatchController, write: Write, stallTimeoutMs: number): Promise<void> {
    this.#write = write;
    this.#stallTimeoutMs = stallTimeoutMs;
    if (!this.#isSettled) this.#deadline = setTimeout(() => this.#timeOut(), this.#transferTimeoutMs);
    this.#flow(controller);
    return this.#end.promise;
  }

  #timeOut(): void {
    const detail = `The transfer took longer than ${this.#transferTimeoutMs / HOUR_MS} hours.`;
    this.#fail(new AttemptError("TIMED_OUT", detail, { isTransient: true }));
  }

  #flow(controller: Dispatcher.DispatchController): void {
    if (this.#isSettled) return;
    this.#stall = setTimeout(() => {
      const detail = `The server sent nothing for ${this.#stallTimeoutMs / 1000} seconds.`;
      this.#fail(new AttemptError("STALLED", detail, { isTransient: true }));
    }, this.#stallTimeoutMs);
    controller.resume();
  }

  /** While there is no connection yet there is nothing to abort: whoever waits is told, and the rest follows. */
  readonly #onAbort = (): void => this.#fail(this.#reason());

  #fail(error: unknown): void {
    this.#settle();
    this.#head.reject(error);
    this.#end.reject(error);
    this.#controller?.abort(error instanceof Error ? error : new Error(String(error)));
  }

  #settle(): void {
    this.#isSettled = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#stall);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #reason(): Error {
    const reason: unknown = this.#signal.reason;
    return reason instanceof Error ? reason : new Error("The request was given up.");
  }
}

/**
 * A field that came on several lines is one list (RFC 9110 §5.3); undici hands it out as an array. A Content-Disposition
 * is no list, and of several the first counts, as in browsers.
 */
function combined(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const fields = Object.entries(headers).map(([name, value]) => {
    if (!Array.isArray(value)) return [name, value];
    return [name, name === "content-disposition" ? value[0] : value.join(", ")];
  });
  return Object.fromEntries(fields) as IncomingHttpHeaders;
}
