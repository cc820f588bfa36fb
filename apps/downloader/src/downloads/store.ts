import type { Download, DownloadState, Failure, NewDownload, ResumePoint } from "./download.ts";

/** The right to work on a download, until somebody else claims it or it is removed. */
export interface Lease {
  readonly id: string;
  readonly epoch: number;
}

/** A download with the right to work on it. */
export interface Claim {
  readonly download: Download;
  /** True when its last worker did not let go of it: that one may only be asleep. */
  readonly isTakenOver: boolean;
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
  readonly speed: number;
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

/** Which partial files an unfinished download may still need. */
export type PartialOwner = Pick<Download, "id" | "epoch"> & Pick<ResumePoint, "partial">;

/**
 * The downloads, as every replica sees them.
 *
 * Every write that takes a {@link Lease} resolves to false, and changes nothing, once the lease is lost: the epoch has
 * moved on, or the download is not running any more, or is gone. The worker then stops and touches nothing.
 */
export interface DownloadStore {
  /** Puts all of them into the queue, or none. */
  insert(downloads: readonly NewDownload[]): Promise<Download[]>;
  get(id: string): Promise<Download | undefined>;
  list(request: ListRequest): Promise<DownloadPage>;
  stats(): Promise<Stats>;
  /** Removes a download, whoever works on it, and resolves to what it was. */
  remove(id: string): Promise<Download | undefined>;

  /** Claims the most urgent download that is due, or whose worker has lost its lease. */
  claim(request: ClaimRequest): Promise<Claim | undefined>;
  /** Renews leases, and resolves to those that are lost. */
  renew(held: ReadonlyMap<Lease, Progress>, leaseMs: number): Promise<Lease[]>;
  /** Records where the transfer may go on; what it names is durable already, and not offered yet. */
  record(lease: Lease, point: ResumePoint): Promise<boolean>;
  /** Records the path that is about to be published, so that whoever takes over knows where to look. */
  offer(lease: Lease, candidate: string): Promise<boolean>;
  complete(lease: Lease, file: string, bytes: number): Promise<boolean>;
  fail(lease: Lease, failure: Failure): Promise<boolean>;
  /** Puts it back into the queue, to be tried again. */
  retry(lease: Lease, failure: Failure, again: { afterMs: number; failures: number }): Promise<boolean>;
  /** Puts it back into the queue as if nothing had happened, for another replica. */
  release(lease: Lease): Promise<boolean>;

  /** Of these downloads, those that are not finished. */
  unfinished(ids: readonly string[]): Promise<PartialOwner[]>;
  /** @throws when the store cannot be used */
  check(): Promise<void>;
  close(): Promise<void>;
}
