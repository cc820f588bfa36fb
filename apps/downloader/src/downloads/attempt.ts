import type { Volume } from "@wharf/volume";

import { verifyChecksum } from "./checksum.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { Download } from "./download.ts";
import { AttemptError, LeaseLostError } from "./errors.ts";
import { chooseName } from "./naming.ts";
import { publishFile, requireFreeName } from "./publication.ts";
import { askSource, type Source, type SourceContext } from "./source.ts";
import type { SourceResponse } from "./source-response.ts";
import type { Claim, DownloadStore } from "./store.ts";
import { modifiedMs, strongValidator } from "./validator.ts";
import { WorkingFile } from "./working-file.ts";

/** What every attempt works with. */
export interface AttemptContext extends SourceContext {
  readonly volume: Volume;
  readonly store: DownloadStore;
  readonly stallTimeoutMs: number;
  /** The most any download may have. */
  readonly maxBytes: number;
}

/**
 * One attempt at a download, from its claim to its publication.
 *
 * Publication and its record are two steps, and a process may die between them. So the path is recorded before, and the
 * partial file's name kept until after: as long as it is there, it tells whether the file was published.
 */
export class Attempt {
  readonly #context: AttemptContext;
  readonly #claim: Claim;
  readonly #signal: AbortSignal;
  #file: WorkingFile | undefined;
  #earlier: string | null;
  #bytes: number;

  /** @param signal ends the attempt; what was received until then is made durable */
  constructor(context: AttemptContext, claim: Claim, signal: AbortSignal) {
    this.#context = context;
    this.#claim = claim;
    this.#signal = signal;
    this.#earlier = claim.download.resume.partial;
    this.#bytes = claim.download.resume.durableBytes;
  }

  /** How far it is. */
  get progress(): { bytes: number; total: number | null } {
    return { bytes: this.#bytes, total: this.#point.total };
  }

  /** Attempts without progress, this one not counted. */
  get failures(): number {
    return this.#point.failures;
  }

  /** The partial file that is there now. */
  get partial(): string | null {
    return this.#file?.point.partial ?? this.#earlier;
  }

  get #download(): Download {
    return this.#claim.download;
  }

  get #point() {
    return this.#file?.point ?? this.#download.resume;
  }

  /**
   * Brings the file and publishes it, or finds that an earlier attempt has.
   *
   * @throws {LeaseLostError} when there is no right to go on; whatever else kept it from bringing the file
   */
  async run(): Promise<void> {
    const { volume, store } = this.#context;
    if (await this.#isPublished()) return this.#complete(this.#download.candidate ?? "", this.#bytes);
    const file = await WorkingFile.open(volume.partials, store, this.#claim);
    this.#file = file;
    try {
      if (!file.isWhole) await this.#transfer(file);
      const { checksum } = this.#download;
      if (checksum !== null) await verifyChecksum(file.staged.fd, checksum, this.#signal);
      this.#signal.throwIfAborted();
      const path = await publishFile(volume, file, this.#download, (candidate) => this.#offer(candidate));
      await this.#complete(path, this.#bytes);
    } finally {
      await file.close();
    }
  }

  /** Whether an earlier attempt got as far as publishing, and died before it could say so. */
  async #isPublished(): Promise<boolean> {
    const { candidate, resume } = this.#download;
    if (candidate === null || resume.partial === null) return false;
    const { partials } = this.#context.volume;
    // Whoever was about to publish it cannot any more, and so the answer stays true.
    this.#earlier = await partials.seize(resume.partial);
    return partials.isPublished(this.#earlier);
  }

  async #offer(candidate: string): Promise<void> {
    if (!(await this.#context.store.offer(this.#download, candidate))) throw new LeaseLostError();
  }

  async #complete(path: string, bytes: number): Promise<void> {
    if (!(await this.#context.store.complete(this.#download, path, bytes))) throw new LeaseLostError();
  }

  async #transfer(file: WorkingFile): Promise<void> {
    const source = await askSource(this.#context, this.#download, file.known, this.#signal);
    try {
      await this.#prepare(file, source);
      await this.#receive(file, source.response);
    } catch (error) {
      source.response.discard();
      throw error;
    }
  }

  /** Judges what the head of the answer says, and has a file ready for its body. */
  async #prepare(file: WorkingFile, { response, url, isRest, total }: Source): Promise<void> {
    const { volume } = this.#context;
    const { headers } = response;
    if (total !== null) this.#requireAllowed(total);
    if (isRest) {
      await file.save(file.point.durableBytes, total);
    } else {
      const { filename } = this.#download;
      const name = chooseName({ filename, contentDisposition: headers["content-disposition"], url });
      await requireFreeName(volume, this.#download, name);
      const validator = strongValidator(headers);
      await file.startOver({ validator, total, name, modifiedMs: modifiedMs(headers) });
    }
    this.#bytes = file.point.durableBytes;
    await volume.requireSpace((total ?? this.#bytes) - this.#bytes);
  }

  async #receive(file: WorkingFile, response: SourceResponse): Promise<void> {
    const { staged, point } = file;
    const { total, validator } = point;
    const sink = staged.sink(this.#bytes);
    const canResume = validator !== null;
    const save = (bytes: number): Promise<void> => (canResume ? file.save(bytes) : Promise.resolve());
    const checkpoints = new Checkpoints(staged, sink, save, (error) => response.discard(asError(error)));
    try {
      await response.receive((chunk) => {
        this.#bytes += chunk.length;
        this.#requireAllowed(this.#bytes);
        return sink.push(chunk) ? undefined : sink.drained();
      }, this.#context.stallTimeoutMs);
      requireLength(this.#bytes, total);
      await sink.flush();
      await checkpoints.stop();
      await staged.sync();
      await file.save(this.#bytes, this.#bytes);
    } catch (error) {
      // What has come is kept for the next attempt; that this may not work either changes nothing about the error.
      if (canResume && !(error instanceof LeaseLostError)) await keep(sink, checkpoints);
      throw error;
    } finally {
      await checkpoints.stop();
    }
  }

  /** @throws {AttemptError} `TOO_LARGE` */
  #requireAllowed(bytes: number): void {
    const limit = Math.min(this.#download.maxBytes ?? Infinity, this.#context.maxBytes);
    if (bytes <= limit) return;
    throw new AttemptError("TOO_LARGE", `The file is larger than the ${limit} bytes allowed.`);
  }
}

async function keep(sink: { flush(): Promise<void> }, checkpoints: Checkpoints): Promise<void> {
  try {
    await sink.flush();
    await checkpoints.take();
  } catch {
    // The last checkpoint that was taken is what the next attempt goes on from.
  }
}

function requireLength(bytes: number, total: number | null): void {
  if (total === null || bytes === total) return;
  throw new AttemptError("BODY_TRUNCATED", `The server sent ${bytes} of ${total} bytes.`, {
    isTransient: true,
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
