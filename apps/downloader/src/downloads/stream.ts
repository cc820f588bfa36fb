import type { FileSink } from "@wharf/volume";

import { AttemptError } from "./errors.ts";
import type { Segment } from "./segments.ts";
import type { SourceResponse } from "./source-response.ts";

/** What a stream hears of its bytes; a promise asks for a pause. */
export type OnBytes = (bytes: number) => Promise<void> | undefined;

/** Why a response is left when its part was given to others: nothing is wrong. */
const ENOUGH = new Error("The rest is not wanted.");

/** One response's body on its way into one part of the file. */
export class Stream implements Segment {
  readonly #askedEnd: number;
  readonly #response: SourceResponse;
  readonly #sink: FileSink;
  readonly #onBytes: OnBytes;
  readonly #start: number;
  readonly #startedAt = performance.now();
  #position: number;
  #end: number;

  /** @param range what the response brings; without an end, whatever comes until it is over */
  constructor(
    response: SourceResponse,
    sink: FileSink,
    range: { readonly start: number; readonly end: number | null },
    onBytes: OnBytes,
  ) {
    this.#response = response;
    this.#sink = sink;
    this.#onBytes = onBytes;
    this.#start = range.start;
    this.#position = range.start;
    this.#end = range.end ?? Infinity;
    this.#askedEnd = this.#end;
  }

  get position(): number {
    return this.#position;
  }

  get end(): number {
    return this.#end;
  }

  get speed(): number {
    return (this.received * 1000) / (performance.now() - this.#startedAt);
  }

  /** How much it has brought. */
  get received(): number {
    return this.#position - this.#start;
  }

  /** Where what it leaves to others begins, once it has ended: only what was written counts as brought. */
  get rest(): number {
    return this.#sink.position;
  }

  shorten(end: number): void {
    this.#end = end;
  }

  /** Writes what waits for more to come. */
  async flush(): Promise<void> {
    await this.#sink.flush();
  }

  /**
   * Resolves when every byte of the part has been written.
   *
   * @throws whatever kept it from that, after what had come by then was written
   */
  async run(stallTimeoutMs: number): Promise<void> {
    try {
      await this.#response.receive((chunk) => this.#take(chunk), stallTimeoutMs);
      this.#requireEnd();
    } catch (error) {
      if (error !== ENOUGH) throw error;
    } finally {
      await this.#sink.flush();
    }
  }

  #take(chunk: Buffer): Promise<void> | undefined {
    const room = this.#end - this.#position;
    const wanted = chunk.length > room ? chunk.subarray(0, Math.max(0, room)) : chunk;
    const wait = this.#onBytes(wanted.length);
    this.#position += wanted.length;
    const hasRoom = wanted.length === 0 || this.#sink.push(wanted);
    if (this.#position >= this.#end && (this.#end < this.#askedEnd || wanted.length < chunk.length)) {
      this.#response.discard(ENOUGH);
      return undefined;
    }
    if (hasRoom) return wait;
    return wait ? Promise.all([wait, this.#sink.drained()]).then(() => undefined) : this.#sink.drained();
  }

  #requireEnd(): void {
    if (this.#end === Infinity || this.#position >= this.#end) return;
    const detail = `The server ended the file ${this.#end - this.#position} bytes too early.`;
    throw new AttemptError("BODY_TRUNCATED", detail, { isTransient: true });
  }
}
