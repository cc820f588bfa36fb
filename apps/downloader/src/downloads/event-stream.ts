import { Readable, type Writable } from "node:stream";

/** From here on a catching-up reader is waited for. */
const HIGH_WATER_MARK = 64 * 1024;
/** A reader who is further behind when more is to come is let go of; it comes back, and says what it had seen. */
const MAX_BACKLOG = 2 ** 20;

/** What one client is sent: a stream of events, of which only so much waits for the client. */
export class EventStream extends Readable {
  readonly #response: Writable;
  #isEnded = false;
  #drained: PromiseWithResolvers<void> | undefined;

  /** @param response what the stream is piped into: what waits there waits for the client, too */
  constructor(response: Writable) {
    super({ highWaterMark: HIGH_WATER_MARK });
    this.#response = response;
    response.on("drain", () => this.#release());
  }

  /** Whether nothing can be sent any more. */
  get isOver(): boolean {
    return this.destroyed || this.#isEnded;
  }

  /** Sends without waiting; ends the stream of a client that is too far behind. */
  send(text: Buffer | string): void {
    if (this.isOver) return;
    // What is sent now is not counted: whoever is waited for gets it, however large it is.
    if (this.readableLength + this.#response.writableLength > MAX_BACKLOG) return void this.destroy();
    this.push(text);
  }

  /** Ends the stream after what was sent. */
  end(): void {
    if (this.isOver) return;
    this.#isEnded = true;
    this.push(null);
  }

  /** Resolves once the client has taken most of what was sent, or is gone. */
  async drained(): Promise<void> {
    while (!this.isOver && (this.readableLength >= HIGH_WATER_MARK || this.#response.writableNeedDrain)) {
      this.#drained ??= Promise.withResolvers();
      await this.#drained.promise;
    }
  }

  override _read(): void {
    this.#release();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#release();
    done(error);
  }

  #release(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
