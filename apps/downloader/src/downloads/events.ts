import { setImmediate, setTimeout as sleep } from "node:timers/promises";

import type { Logger } from "@wharf/service";

import type { Download } from "./download.ts";
import { isAfter } from "./event-cursor.ts";
import type { EventStream } from "./event-stream.ts";
import type { Cursor, DownloadStore, HistoryEntry } from "./store.ts";

/**
 * What clients are told of. `progress`: only how far it is has changed since the last event about it. Without a cursor it
 * is no place to go on from: more that belongs to it is to come.
 */
export type DownloadEvent = { readonly cursor: Cursor | undefined } & (
  | { readonly type: "state" | "progress"; readonly download: Download }
  | { readonly type: "removed"; readonly id: string }
);

/** Writes an event as it goes over the wire. */
type EventWriter = (event: DownloadEvent) => string;

/** The history has each download once, as it is now: so many looks a second are at most so many events about each. */
const POLL_MS = 250;
const KEEP_ALIVE_MS = 15_000;
const BATCH = 200;
/** After so many bytes sockets get their turn: who takes what comes is not behind. */
const TURN_BYTES = 256 * 1024;
/** More than run at once; beyond it, what is only progress may be told as a state. */
const MAX_REMEMBERED = 10_000;

interface Follower {
  readonly stream: EventStream;
  /** The only download it wants to hear of. */
  readonly id: string | undefined;
  /** What it has been told up to. */
  readonly since: Cursor;
}

/**
 * Tells this replica's clients what becomes of all downloads. However many there are, the history is read once for all
 * of them, and not at all while nobody listens.
 */
export class EventHub {
  readonly #store: DownloadStore;
  readonly #write: EventWriter;
  readonly #logger: Pick<Logger, "warn">;
  readonly #streams = new Set<EventStream>();
  readonly #followers = new Map<EventStream, Follower>();
  /** Of each download that was last told as running: all of it that is not progress. */
  readonly #told = new Map<string, string>();
  /** What the followers have been told up to; undefined while nobody is told anything. */
  #cursor: Cursor | undefined;
  #isBroken = false;
  #isClosed = false;

  constructor(store: DownloadStore, write: EventWriter, logger: Pick<Logger, "warn">) {
    this.#store = store;
    this.#write = write;
    this.#logger = logger;
  }

  /**
   * Sends `stream` what has changed since, and then all that changes, of the download `id` or of all. Resolves when it
   * has caught up: up to there it is waited for, from there on it has to keep up.
   */
  async follow(stream: EventStream, since: Cursor, id?: string): Promise<void> {
    if (this.#isClosed) return stream.end();
    this.#streams.add(stream);
    stream.once("close", () => {
      this.#streams.delete(stream);
      this.#followers.delete(stream);
    });
    let at = since;
    while (!stream.isOver) {
      const others = this.#cursor;
      const entries = await this.#store.changes(at, BATCH);
      for (const entry of entries) {
        this.#send({ stream, id, since: at }, entry, () => this.#write(toEvent(entry, "state")));
        await stream.drained();
      }
      // What others were told of and is not there any more will not be there again.
      at = entries.at(-1)?.cursor ?? (others && isAfter(others, at) ? others : at);
      const isUpToDate = this.#cursor === undefined || !isAfter(this.#cursor, at);
      if (entries.length < BATCH && isUpToDate) return this.#join({ stream, id, since: at });
    }
  }

  /** Ends every stream: their clients come back, to whoever serves then. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams) stream.end();
    this.#followers.clear();
  }

  #join(follower: Follower): void {
    if (follower.stream.isOver || this.#isClosed) return;
    this.#followers.set(follower.stream, follower);
    if (this.#cursor !== undefined) return;
    this.#cursor = follower.since;
    void this.#run();
  }

  async #run(): Promise<void> {
    const keepAlive = setInterval(() => {
      for (const stream of this.#followers.keys()) stream.send(": keep-alive\n\n");
    }, KEEP_ALIVE_MS).unref();
    while (this.#followers.size > 0) {
      await this.#poll();
      await sleep(POLL_MS, undefined, { ref: false });
    }
    clearInterval(keepAlive);
    this.#cursor = undefined;
    this.#told.clear();
  }

  async #poll(): Promise<void> {
    try {
      while (this.#cursor && (await this.#tell(this.#cursor)) === BATCH);
      this.#isBroken = false;
    } catch (error) {
      if (!this.#isBroken) this.#logger.warn({ err: error }, "could not read what has changed");
      this.#isBroken = true;
    }
  }

  async #tell(since: Cursor): Promise<number> {
    const entries = await this.#store.changes(since, BATCH);
    let bytes = 0;
    for (const entry of entries) {
      const type = this.#typeOf(entry);
      const text = lazily(() => Buffer.from(this.#write(toEvent(entry, type))));
      for (const follower of this.#followers.values()) bytes += this.#send(follower, entry, text);
      this.#cursor = entry.cursor; // whoever joins meanwhile has to have seen as much
      if (bytes < TURN_BYTES) continue;
      bytes = 0;
      await setImmediate();
    }
    return entries.length;
  }

  /** Returns how many bytes there were to send. */
  #send({ stream, id, since }: Follower, entry: HistoryEntry, make: () => Buffer | string): number {
    if (!isAfter(entry.cursor, since) || (id !== undefined && id !== idOf(entry))) return 0;
    const text = make();
    stream.send(text);
    if (id !== undefined && "removed" in entry) stream.end();
    return text.length;
  }

  /** Progress is what differs from what was told of the same run in nothing else. */
  #typeOf(entry: HistoryEntry): "state" | "progress" {
    if ("removed" in entry || entry.download.state !== "running") {
      this.#told.delete(idOf(entry));
      return "state";
    }
    const { id, epoch, url, priority, speedLimit, resume } = entry.download;
    const settings = JSON.stringify([epoch, url, priority, speedLimit, resume.name]);
    if (this.#told.get(id) === settings) return "progress";
    const [oldest] = this.#told.keys();
    if (this.#told.size >= MAX_REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
    this.#told.set(id, settings);
    return "state";
  }
}

function toEvent(entry: HistoryEntry, type: "state" | "progress"): DownloadEvent {
  const { cursor } = entry;
  if ("removed" in entry) return { cursor, type: "removed", id: entry.removed };
  return { cursor, type, download: entry.download };
}

function idOf(entry: HistoryEntry): string {
  return "removed" in entry ? entry.removed : entry.download.id;
}

/** Makes a value when it is first asked for. */
function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
