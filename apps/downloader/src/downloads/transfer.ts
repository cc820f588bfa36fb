import { Checkpoints } from "./checkpoints.ts";
import { AttemptError } from "./errors.ts";
import { isOfSource, toAttemptError } from "./failure.ts";
import { prepareFile, requireAllowed } from "./first-answer.ts";
import type { Mirror } from "./mirrors.ts";
import { countBytes, gapsIn, type ByteRange } from "./ranges.ts";
import { SegmentPlan } from "./segments.ts";
import { askSource, type Source } from "./source.ts";
import { Stream } from "./stream.ts";
import { knownPart, knownRest, type TransferContext, type TransferJob } from "./transfer-job.ts";

/** A connection that broke off after so much is worth another one at once; after less the source may have had enough. */
const WORTH_ANOTHER_BYTES = 64 << 10;

/** What one download's connections together gather for their next writes: a kill takes it. */
const BATCH_BYTES = 1 << 20;

/** Bytes to be brought; without an end, all that come. */
interface Part {
  readonly start: number;
  readonly end: number | null;
}

/** Asks for bytes; undefined when they are not wanted any more. */
type Ask = () => Promise<Source | undefined>;

/** A request on its way, or its answer. */
interface Connection {
  readonly mirror: Mirror;
  /** The host by which it is counted; undefined for the one that the claim of the download was counted for. */
  readonly host: string | undefined;
  stream: Stream | undefined;
}

/**
 * Brings what is missing of a file, over one connection and then over as many as the source takes: the first asks for
 * all of it, and each further one for half of what would take longest. A source that does not want them is gone on
 * with by those that are left; only when the last one breaks off has the transfer failed.
 */
export class Transfer {
  readonly #context: TransferContext;
  readonly #job: TransferJob;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #end = Promise.withResolvers<void>();
  readonly #connections = new Set<Connection>();
  readonly #running = new Set<Promise<void>>();
  #plan = new SegmentPlan([]);
  #mirror: Mirror | undefined;
  #limit: number;
  #bytes: number;

  constructor(context: TransferContext, job: TransferJob) {
    this.#context = context;
    this.#job = job;
    this.#signal = AbortSignal.any([job.signal, this.#stop.signal]);
    this.#limit = job.download.segments ?? context.segments;
    this.#bytes = countBytes(job.file.written);
    this.#end.promise.catch(() => undefined); // it may be over before it is awaited
    // Also when nobody is being asked for anything at the moment.
    this.#signal.addEventListener("abort", () => this.#end.reject(this.#signal.reason), { once: true });
  }

  /** Bytes that are there or on their way to the disk. */
  get bytes(): number {
    return this.#bytes;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Resolves when every byte has been written. */
  async run(): Promise<void> {
    const { file } = this.#job;
    const checkpoints = new Checkpoints(
      file,
      this.#context.checkpoints,
      () => this.#tick(),
      (error) => this.#end.reject(error),
    );
    try {
      await this.#begin();
      await this.#end.promise;
      // Somebody may still be asked for what others have brought in the meantime.
      await this.#abandon(new Error("Every byte is there."), checkpoints);
    } catch (error) {
      await this.#abandon(error, checkpoints);
      // What has come is kept for the next attempt; that this may not work either changes nothing about the error.
      await file.save().catch(() => undefined);
      throw error;
    }
  }

  async #abandon(reason: unknown, checkpoints: Checkpoints): Promise<void> {
    this.#stop.abort(reason);
    await Promise.all(this.#running);
    await checkpoints.stop();
  }

  /** Asks one source after the other until one answers, and goes on with that. */
  async #begin(): Promise<void> {
    const { mirrors } = this.#job;
    for (;;) {
      const mirror = mirrors.first;
      if (!mirror) throw new AttemptError("SOURCES_EXHAUSTED", "No mirror has the file as it should be.");
      try {
        return await this.#beginWith(mirror);
      } catch (error) {
        const hasOther = !this.#signal.aborted && isOfSource(toAttemptError(error)) && mirrors.drop(mirror);
        if (!hasOther) throw error;
      }
    }
  }

  async #beginWith(mirror: Mirror): Promise<void> {
    const { file } = this.#job;
    const source = await askSource(this.#context, mirror, knownRest(this.#job), this.#signal);
    try {
      await prepareFile(this.#context, this.#job, source);
      this.#bytes = countBytes(file.written);
    } catch (error) {
      source.response.discard();
      throw error;
    }
    const { part, total, response } = source;
    this.#mirror = mirror;
    mirror.answered = { url: source.url.href, headers: source.headers };
    this.#plan = new SegmentPlan(total === null ? [] : gapsIn(file.written, total));
    const gap = this.#plan.offer([]);
    if (part && gap) this.#plan.giveBack({ start: part.end, end: gap.end });
    const isDivisible = total !== null && file.canContinue && response.headers["accept-ranges"] !== "none";
    if (!isDivisible) this.#limit = 1;
    this.#bring(
      { mirror, host: undefined, stream: undefined },
      part ?? { start: 0, end: total },
      async () => source,
    );
    this.#fill();
  }

  async #tick(): Promise<void> {
    this.#fill(); // the host may have room for another connection by now
    await Promise.all(this.#streams().map((stream) => stream.flush()));
  }

  #streams(): Stream[] {
    return [...this.#connections].flatMap(({ stream }) => stream ?? []);
  }

  /** Has as many connections as are allowed and worth it. */
  #fill(): void {
    if (!this.#mirror || this.#signal.aborted) return;
    while (this.#connections.size < this.#limit) {
      const connection = this.#newConnection(this.#job.mirrors.another(this.#mirror));
      if (!connection) break;
      const range = this.#plan.offer(this.#streams());
      if (!range) {
        this.#release(connection);
        break;
      }
      this.#bring(connection, range, () => this.#askForPart(connection.mirror, range));
    }
    if (this.#connections.size === 0) this.#end.reject(new Error("Nobody is asked for what is missing."));
  }

  /** One more connection, if there is room for it: the download's first has its own, and others the host's. */
  #newConnection(mirror: Mirror): Connection | undefined {
    const isFirst = [...this.#connections].every(({ host }) => host !== undefined);
    if (isFirst) return { mirror, host: undefined, stream: undefined };
    const { host } = new URL((mirror.answered ?? mirror).url);
    return this.#context.hosts.tryTake(host) ? { mirror, host, stream: undefined } : undefined;
  }

  #release({ host }: Connection): void {
    if (host !== undefined) this.#context.hosts.giveBack(host);
  }

  async #askForPart(mirror: Mirror, range: ByteRange): Promise<Source | undefined> {
    try {
      const source = await this.#askForRange(mirror, range);
      if (!this.#plan.accept(range, this.#streams())) {
        source.response.discard();
        return undefined;
      }
      // A server may send less than it was asked for (RFC 9110 §15.3.7).
      this.#plan.giveBack({ start: source.part.end, end: range.end });
      return source;
    } catch (error) {
      this.#plan.refuse(range);
      throw error;
    }
  }

  async #askForRange(mirror: Mirror, range: ByteRange): Promise<Source & { part: ByteRange }> {
    const target = mirror.answered ?? mirror;
    const source = await askSource(this.#context, target, knownPart(this.#job, range), this.#signal).catch(
      passing,
    );
    const { part, response } = source;
    if (part) return { ...source, part };
    response.discard();
    throw new AttemptError("RANGE_IGNORED", "The server sent the whole file when it was asked for a part.", {
      isTransient: true,
    });
  }

  /** One connection from its request to its end, in the background. */
  #bring(connection: Connection, part: Part, ask: Ask): void {
    const { mirror } = connection;
    const onEnd = (error?: unknown): void => {
      mirror.connections--;
      this.#connections.delete(connection);
      this.#running.delete(running);
      this.#release(connection);
      this.#onEnd(connection, error);
    };
    this.#connections.add(connection);
    mirror.connections++;
    const running = this.#receive(connection, part, ask).then(() => onEnd(), onEnd);
    this.#running.add(running);
  }

  async #receive(connection: Connection, part: Part, ask: Ask): Promise<void> {
    const { writeSizes, stallTimeoutMs } = this.#context;
    const { file } = this.#job;
    const source = await ask();
    if (!source) return;
    const range = source.part ?? part;
    const sink = file.sink(range.start, () =>
      Math.min(writeSizes.batchBytes, BATCH_BYTES / this.#connections.size),
    );
    writeSizes.add();
    connection.mirror.hasServed = true;
    connection.stream = new Stream(source.response, sink, range, (bytes) => this.#count(bytes));
    try {
      await connection.stream.run(stallTimeoutMs);
    } finally {
      writeSizes.remove();
      await file.staged.endSink(sink);
    }
  }

  #onEnd(connection: Connection, error: unknown): void {
    const { stream } = connection;
    if (stream && stream.end !== Infinity) this.#plan.giveBack({ start: stream.rest, end: stream.end });
    if (error !== undefined) this.#onFailure(error, connection);
    if (this.#isWhole()) this.#end.resolve();
    else this.#fill();
  }

  #isWhole(): boolean {
    const { total } = this.#job.file.point;
    return total === null ? this.#connections.size === 0 : this.#job.file.isWhole;
  }

  #onFailure(error: unknown, { mirror, stream }: Connection): void {
    const others = this.#connections.size;
    if (others === 0 || !isOfSource(toAttemptError(error))) return this.#end.reject(error);
    const received = stream?.received ?? 0;
    if (received >= WORTH_ANOTHER_BYTES) return;
    // Another mirror may not have the file; the one we have it from wants fewer connections.
    if (mirror !== this.#mirror && received === 0) this.#job.mirrors.drop(mirror);
    else this.#limit = Math.min(this.#limit, others);
  }

  #count(bytes: number): Promise<void> | undefined {
    this.#bytes += bytes;
    requireAllowed(this.#context, this.#job.download, this.#bytes);
    const waits = [this.#context.limiter.take(bytes), this.#job.limiter.take(bytes)].filter(
      (wait) => wait !== undefined,
    );
    return waits.length > 1 ? Promise.all(waits).then(() => undefined) : waits[0];
  }
}

/**
 * Who has answered once is asked for a part by the URL that a redirect led to then. That this one is refused by now (a
 * signature has run out, say) is no verdict on the download: the next attempt asks from the beginning.
 */
function passing(error: unknown): never {
  const { code, message, isTransient, retryAfterMs } = toAttemptError(error);
  if (isTransient || code !== "HTTP_STATUS") throw error;
  throw new AttemptError(code, message, { isTransient: true, retryAfterMs, cause: error });
}
