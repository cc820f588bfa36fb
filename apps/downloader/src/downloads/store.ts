import type { Download, DownloadState, Failure, NewDownload, ResumePoint } from "./download.ts";

/** The right to work on a download, until somebody else claims it, or a client takes it away. */
export interface Lease {
  readonly id: string;
  readonly epoch: number;
}

/** All of a download. */
export type ClaimedDownload = Download & Pick<NewDownload, "pieces">;

/** A download with the right to work on it. */
export interface Claim {
  readonly download: ClaimedDownload;
  /** True when its last worker did not let go of it: that one may only be asleep. */
  readonly isTakenOver: boolean;
  /** Since when it could have been made, as far as the queue is concerned; milliseconds since the epoch. */
  readonly dueAt: number;
}

export interface ClaimRequest {
  /** Who claims, for people who look at the table. */
  readonly worker: string;
  readonly leaseMs: number;
  /** Hosts to which no further download may be started. */
  readonly busyHosts: readonly string[];
}

/** How far a running download is. */
export interface Progress {
  readonly bytes: number;
  readonly total: number | null;
  /** Bytes a second. */
  readonly speed: number;
  readonly connections: number;
}

/** What a client may have changed of a download while it runs. */
export type Settings = Pick<Download, "speedLimit">;

/** What a client wants to be otherwise. */
export interface Change {
  readonly state?: "queued" | "paused" | "canceled" | undefined;
  /** Another URL of the same bytes. At another origin it is asked without the headers: they may be secrets. */
  readonly source?: Pick<Download, "url" | "host"> | undefined;
  readonly priority?: number | undefined;
  readonly speedLimit?: number | null | undefined;
}

/** What makes a repeated submission known again: the client's key, and a digest of what was submitted with it. */
export interface Idempotency {
  readonly key: string;
  readonly fingerprint: string;
}

export interface ListRequest {
  readonly state?: DownloadState | undefined;
  /** A part of the URL or of the file's path, whatever its case. */
  readonly search?: string | undefined;
  readonly limit: number;
  /** The sequence number of the last download of the page before. */
  readonly before?: number | undefined;
}

export interface DownloadPage {
  /** Newest first. */
  readonly downloads: readonly Download[];
  /** What to pass as `before` for the next page; undefined on the last one. */
  readonly next: number | undefined;
}

export interface Stats {
  readonly states: Readonly<Record<DownloadState, number>>;
  /** Bytes received by all downloads that are on record. */
  readonly bytes: number;
  /** Bytes a second, of all replicas together. */
  readonly speed: number;
}

/**
 * A place in the history of all downloads: whatever was written before it is ordered before it, for every replica.
 * Compared by revision, then by sequence.
 */
export interface Cursor {
  readonly revision: number;
  readonly sequence: number;
}

/** How a download is now that it has changed, or that it is gone. Changes in between are not kept. */
export type HistoryEntry = { readonly cursor: Cursor } & (
  | { readonly download: Download }
  | { readonly removed: string }
);

/** A webhook to be called, and the right to call it for as long as was asked for. */
export interface WebhookClaim {
  readonly download: Download;
  /** 1 for the first call. */
  readonly attempt: number;
}

/** What a download that was removed leaves behind. */
export interface Removed extends Pick<Download, "id" | "epoch" | "candidate" | "file" | "endedAt"> {
  readonly resume: Pick<ResumePoint, "partial" | "total" | "modifiedMs">;
}

/** Which partial files an unfinished download may still need. */
export type PartialOwner = Pick<Download, "id" | "epoch"> & Pick<ResumePoint, "partial">;

/**
 * The downloads, as every replica sees them.
 *
 * Every write that takes a {@link Lease} resolves to false, and changes nothing, once the lease is lost: the epoch has
 * moved on, or the download is not running any more, or is gone. The worker then stops and touches nothing.
 *
 * A worker *lets go* of a download by writing an outcome, or with {@link letGo}. One that was taken from its worker by
 * a client is not claimed before that has let go of it, or its lease has run out.
 */
export interface DownloadStore {
  /** Puts all of them into the queue, or none. */
  insert(downloads: readonly NewDownload[]): Promise<Download[]>;
  /**
   * With an idempotency key that was used before, resolves to the downloads that were made with it then, in their
   * order, with undefined in the place of each that was removed since; and makes none.
   *
   * @throws {KeyReusedError} when the key was used with another fingerprint
   */
  insert(
    downloads: readonly NewDownload[],
    idempotency: Idempotency | undefined,
  ): Promise<(Download | undefined)[]>;
  get(id: string): Promise<Download | undefined>;
  list(request: ListRequest): Promise<DownloadPage>;
  stats(): Promise<Stats>;
  /**
   * Pauses, requeues, cancels, or changes what is fetched and how. A URL given to a download that runs or has failed
   * puts it into the queue; what was received is kept. Resolves to undefined when there is no such download.
   *
   * @throws {StateConflictError} when its state does not allow that; nothing is changed then
   */
  change(id: string, change: Change): Promise<Download | undefined>;
  /** Removes a download, whoever works on it, and resolves to what is to be cleared away. */
  remove(id: string): Promise<Removed | undefined>;

  /**
   * Claims a download that is due, or whose worker has lost its lease: of the owner who has the fewest running, the
   * most urgent one, then the oldest.
   */
  claim(request: ClaimRequest): Promise<Claim | undefined>;
  /** Renews leases, and resolves to those still held. */
  renew(held: ReadonlyMap<Lease, Progress>, leaseMs: number): Promise<ReadonlyMap<Lease, Settings>>;
  /** Records where the transfer may go on; what it names is durable already, and not offered yet. */
  record(lease: Lease, point: ResumePoint): Promise<boolean>;
  /**
   * Records a file that is whole by now, and the path at which it is about to be published, so that whoever takes over
   * knows where to look.
   */
  offer(lease: Lease, point: ResumePoint, candidate: string): Promise<boolean>;
  /** Only another claim or a removal is in its way: what is published is published, paused or canceled or not. */
  complete(lease: Lease, file: string, bytes: number): Promise<boolean>;
  /** What was received stays on record: a client may ask for another try. */
  fail(lease: Lease, failure: Failure): Promise<boolean>;
  /** Puts it back into the queue, to be tried again. */
  retry(lease: Lease, failure: Failure, again: { afterMs: number; failures: number }): Promise<boolean>;
  /** Puts it back into the queue as if nothing had happened, for another replica. */
  release(lease: Lease): Promise<boolean>;
  /**
   * Lets go of a download that a client has taken from its worker, recording how far it got. Resolves to false when
   * somebody else has claimed it since.
   */
  letGo(lease: Lease, point: ResumePoint): Promise<boolean>;

  /** What has changed since, in order, at most `limit` of it. */
  changes(since: Cursor, limit: number): Promise<HistoryEntry[]>;
  /** The present end of the history. */
  latest(): Promise<Cursor>;
  /** Where in the history a download was removed; undefined for one that was not, or so long ago that it is forgotten. */
  wasRemoved(id: string): Promise<Cursor | undefined>;
  /**
   * Hears of what other replicas have put in, changed or removed, for workers to act upon, when the store can tell; who
   * listens has to look from time to time all the same.
   */
  onChange(listener: () => void): void;

  /** Claims a webhook that is due, of a download that has ended; nobody else gets it for `leaseMs`. */
  claimWebhook(leaseMs: number): Promise<WebhookClaim | undefined>;
  /** Records what became of a call: it is over, or to be repeated. */
  settleWebhook(claim: WebhookClaim, again?: { afterMs: number }): Promise<void>;

  /**
   * Of these downloads, those that are not finished, or that have failed after `failedAfter` (milliseconds since the
   * epoch) and may be tried again.
   */
  unfinished(ids: readonly string[], failedAfter: number): Promise<PartialOwner[]>;
  /** Forgets removals so old that nobody follows from before them. */
  prune(olderThanMs: number): Promise<void>;
  /** @throws when the store cannot be used */
  check(): Promise<void>;
  close(): Promise<void>;
}
