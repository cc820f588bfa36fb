import type {
  Download,
  DownloadState,
  OnConflict,
  Pieces,
  RequestHeaders,
  ResumePoint,
} from "../download.ts";
import type { Claim, Removed } from "../store.ts";
import { countBytes, type ByteRange } from "../ranges.ts";
import type { Row } from "./database.ts";

/** What {@link toDownload} reads. */
export const COLUMNS = [
  "sequence, id, owner, url, host, mirrors, path, filename, on_conflict, headers, checksum, size, max_bytes, priority",
  "segments, speed_limit, not_before, webhook, state, attempts, bytes, speed, connections, candidate, file",
  "partial, durable, durable_bytes, validator, total, digest, name, modified, failures",
  "error_code, error_detail, created_at, started_at, ended_at, epoch",
].join(", ");

/** Reads a row of the table `downloads`. */
export function toDownload(row: Row): Download {
  return {
    sequence: number(row, "sequence"),
    id: text(row, "id"),
    owner: text(row, "owner"),
    url: text(row, "url"),
    host: text(row, "host"),
    mirrors: JSON.parse(text(row, "mirrors")) as string[],
    path: text(row, "path"),
    filename: textOrNull(row, "filename"),
    onConflict: text(row, "on_conflict") as OnConflict,
    headers: JSON.parse(text(row, "headers")) as RequestHeaders,
    checksum: textOrNull(row, "checksum"),
    size: numberOrNull(row, "size"),
    maxBytes: numberOrNull(row, "max_bytes"),
    priority: number(row, "priority"),
    segments: numberOrNull(row, "segments"),
    speedLimit: numberOrNull(row, "speed_limit"),
    notBefore: number(row, "not_before") || null,
    webhook: textOrNull(row, "webhook"),
    state: text(row, "state") as DownloadState,
    attempts: number(row, "attempts"),
    bytes: number(row, "bytes"),
    speed: number(row, "speed"),
    connections: number(row, "connections"),
    resume: toResumePoint(row),
    candidate: textOrNull(row, "candidate"),
    file: textOrNull(row, "file"),
    error: failureOf(row),
    createdAt: number(row, "created_at"),
    startedAt: numberOrNull(row, "started_at"),
    endedAt: numberOrNull(row, "ended_at"),
    epoch: number(row, "epoch"),
  };
}

/** Reads all of a row that was claimed. */
export function toClaim(row: Row): Claim {
  const pieces = textOrNull(row, "pieces");
  return {
    download: { ...toDownload(row), pieces: pieces === null ? null : (JSON.parse(pieces) as Pieces) },
    isTakenOver: number(row, "taken_over") === 1,
    dueAt: Math.max(number(row, "created_at"), number(row, "due_at")),
  };
}

/** Reads what a removal has left behind. */
export function toRemoved(row: Row): Removed {
  return {
    id: text(row, "id"),
    epoch: number(row, "epoch"),
    resume: {
      partial: textOrNull(row, "partial"),
      total: numberOrNull(row, "total"),
      modifiedMs: numberOrNull(row, "modified"),
    },
    candidate: textOrNull(row, "candidate"),
    file: textOrNull(row, "file"),
    endedAt: numberOrNull(row, "ended_at"),
  };
}

function toResumePoint(row: Row): ResumePoint {
  return {
    partial: textOrNull(row, "partial"),
    durable: durableOf(row),
    validator: textOrNull(row, "validator"),
    total: numberOrNull(row, "total"),
    digest: textOrNull(row, "digest"),
    name: textOrNull(row, "name"),
    modifiedMs: numberOrNull(row, "modified"),
    failures: number(row, "failures"),
  };
}

/** A resume point, as the parameters of a statement that records it. */
export function fromResumePoint({ durable, ...point }: ResumePoint) {
  const ranges = JSON.stringify(durable.map(({ start, end }) => [start, end]));
  return { ...point, durable: ranges, durableBytes: countBytes(durable) };
}

/** The release before knew only how many bytes from the start on; where it wrote last, the ranges do not add up. */
function durableOf(row: Row): ByteRange[] {
  const bytes = number(row, "durable_bytes");
  const ranges = JSON.parse(text(row, "durable")) as [number, number][];
  const durable = ranges.map(([start, end]) => ({ start, end }));
  if (countBytes(durable) === bytes) return durable;
  return [{ start: 0, end: bytes }];
}

/** Reads a column that holds a number. */
export function number(row: Row, column: string): number {
  return Number(row[column] ?? 0);
}

/** Reads a column that holds text. */
export function text(row: Row, column: string): string {
  return textOrNull(row, column) ?? "";
}

/** Reads a column that may hold text. */
export function textOrNull(row: Row, column: string): string | null {
  const value = row[column];
  return typeof value === "string" ? value : null;
}

/** Reads a column that may hold a number. */
export function numberOrNull(row: Row, column: string): number | null {
  const value = row[column];
  return typeof value === "number" ? value : null;
}

function failureOf(row: Row): Download["error"] {
  const code = textOrNull(row, "error_code");
  return code === null ? null : { code, detail: text(row, "error_detail") };
}
