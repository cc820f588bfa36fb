import { expect } from "vitest";

import type { Version } from "../harness/answers.ts";
import type { Certificates } from "../harness/certificates.ts";
import { noiseBuffer } from "../harness/content.ts";
import type { Exchange, Received } from "../harness/exchange.ts";
import type { ListenerOptions } from "../harness/misbehaving.ts";

/** What the downloader under test is told; short, so that what waits for it is over soon. */
export const LIMITS = { headersTimeoutMs: 3_000, stallTimeoutMs: 3_000, maxAttempts: 3 };

/** URLs of the origin's listeners, which serve the same paths. */
export interface World {
  readonly http: string;
  /** Another origin, as it is another port. */
  readonly elsewhere: string;
  readonly https: string;
}

/** One misbehaviour, and what is to come of it. */
export interface Row {
  readonly name: string;
  readonly script: (exchange: Exchange, world: World) => Promise<void> | void;
  /** What the URL has below the endpoint; default `file`. */
  readonly path?: string;
  /** Where the URL leads: a listener of all rows, or one of this row's own, or none that is there. */
  readonly at?: "http" | "https" | "nowhere" | ((certificates: Certificates) => ListenerOptions);
  /** Fields of the submission, beyond the URL. */
  readonly ask?: Readonly<Record<string, unknown>>;
  readonly end: Completed | Failed;
  /** Expects what the source was asked for. */
  readonly asked?: (requests: readonly Received[], also: Also) => void;
}

export interface Completed {
  /** The file's bytes; of several versions, wholly one of them. */
  readonly content: Version | readonly Version[];
  readonly filename?: string;
  /** The file's modification time, as an HTTP date. */
  readonly modified?: string;
}

/** No file is there, and the error says why. */
export interface Failed {
  readonly code: string;
  /** What a person has to be able to read in it. */
  readonly detail: RegExp;
}

export interface Also {
  /** To the row's own listener; NaN when it has none. */
  readonly connections: number;
  readonly bytesSent: number;
}

/** A version of a file, always the same for a name. */
export function version(name: string, size: number, parts: Omit<Version, "bytes"> = {}): Version {
  return { bytes: noiseBuffer(size, name), etag: `"${name}"`, ...parts };
}

/** The same bytes under other validators, or none. */
export function validated({ bytes }: Version, validators: Omit<Version, "bytes"> = {}): Version {
  return { bytes, ...validators };
}

/** The file that most rows are about; and the same length of other bytes, under another tag. */
export const FILE = version("first", 256 * 1024);
export const OTHER = version("second", 256 * 1024);
export const HALF = FILE.bytes.length / 2;

/** So many requests, no more and no fewer. */
export function times(count: number): (requests: readonly Received[]) => void {
  return (requests) => expect(requests.map(({ target }) => target)).toHaveLength(count);
}

/** So many requests, or fewer. */
export function atMost(count: number): (requests: readonly Received[]) => void {
  return (requests) => expect(requests.length).toBeLessThanOrEqual(count);
}

/** The fields of each request that ask for a part. */
export function conditions(requests: readonly Received[]): { range?: string; ifRange?: string }[] {
  return requests.map(({ headers: { range, "if-range": ifRange } }) => ({
    ...(range !== undefined && { range }),
    ...(ifRange !== undefined && { ifRange }),
  }));
}

/** Exactly these requests, told by `Range` and `If-Range`. */
export function conditionsAre(...wanted: { range?: string; ifRange?: string }[]) {
  return (requests: readonly Received[]): void => expect(conditions(requests)).toEqual(wanted);
}

/** Everything from the first byte, at each of so many requests. */
export function wholeEachTime(count: number): (requests: readonly Received[]) => void {
  return conditionsAre(...Array.from({ length: count }, () => ({})));
}
