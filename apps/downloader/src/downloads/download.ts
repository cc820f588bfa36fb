import type { ByteRange } from "./ranges.ts";

/** Every state a download can be in. */
export const STATES = ["queued", "running", "paused", "completed", "failed", "canceled"] as const;
export type DownloadState = (typeof STATES)[number];

/** What to do when the name is taken at publication. */
export const CONFLICT_RULES = ["fail", "rename", "overwrite"] as const;
export type OnConflict = (typeof CONFLICT_RULES)[number];

/** Request headers by lower-case name. */
export type RequestHeaders = Readonly<Record<string, string>>;

/** Hashes of a file's pieces, in order (RFC 5854 §4.1.3). */
export interface Pieces {
  /** As in a checksum: `sha-256` and the like. */
  readonly algorithm: string;
  /** Bytes in each piece; the last one may be shorter. */
  readonly length: number;
  /** Lower-case hex. */
  readonly hashes: readonly string[];
}

/** What a client asks for, judged. */
export interface NewDownload {
  readonly url: string;
  /** The host that {@link url} names, by which connections are counted. */
  readonly host: string;
  /** Further URLs of the same bytes, in the order they are to be tried. */
  readonly mirrors: readonly string[];
  /** The directory to publish in, such as `/music/`. */
  readonly path: string;
  /** The name to publish under; null when the source is to say. */
  readonly filename: string | null;
  readonly onConflict: OnConflict;
  readonly headers: RequestHeaders;
  /** `<algorithm>=<lower-case hex>`. */
  readonly checksum: string | null;
  /** The length the file must have; null when nobody said so. */
  readonly size: number | null;
  readonly pieces: Pieces | null;
  readonly maxBytes: number | null;
  /** Higher runs earlier. */
  readonly priority: number;
  /** The most connections at once; null for as many as is usual here. */
  readonly segments: number | null;
  /** Bytes a second; null for no limit of its own. */
  readonly speedLimit: number | null;
  /** Not to be started before; milliseconds since the epoch. */
  readonly notBefore: number | null;
  /** Who is to be told of the end. */
  readonly webhook: string | null;
}

/** Why a download did not succeed, for a person and for programs. */
export interface Failure {
  readonly code: string;
  readonly detail: string;
}

/** Where an interrupted transfer may go on, and what was learnt about the source. */
export interface ResumePoint {
  /** The partial file; null before there is one. */
  readonly partial: string | null;
  /** Which of the partial file's bytes survive a power cut; in order, disjoint. */
  readonly durable: readonly ByteRange[];
  /** The source's strong validator; null when the transfer cannot be continued. */
  readonly validator: string | null;
  /** The source's length; null when it did not say. */
  readonly total: number | null;
  /** What the source says the whole file's checksum is, written like a client's. */
  readonly digest: string | null;
  /** The name chosen for the file; null before the source has answered. */
  readonly name: string | null;
  /** The source's own modification time, in milliseconds since the epoch. */
  readonly modifiedMs: number | null;
  /** Attempts in a row that brought no further durable byte. */
  readonly failures: number;
}

/**
 * A download as the store has it, but for its pieces: they can be megabytes, and only who works on it needs them. Times
 * are milliseconds since the epoch.
 */
export interface Download extends Omit<NewDownload, "pieces"> {
  /** Grows with each download: the order of submission. */
  readonly sequence: number;
  readonly id: string;
  /** Whose it is; empty as long as there is nobody to tell apart. */
  readonly owner: string;
  readonly state: DownloadState;
  /** How often it was started. */
  readonly attempts: number;
  /** Bytes received, whether or not they are durable. */
  readonly bytes: number;
  /** Bytes a second, now. */
  readonly speed: number;
  /** Connections that bring it, now. */
  readonly connections: number;
  readonly resume: ResumePoint;
  /** The path whose publication was last begun. */
  readonly candidate: string | null;
  /** The published file's path. */
  readonly file: string | null;
  readonly error: Failure | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Grows with each claim; what an earlier claimant still writes is refused. */
  readonly epoch: number;
}
