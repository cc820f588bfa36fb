import type { SQLOutputValue } from "node:sqlite";

import type { Download, DownloadState, OnConflict, RequestHeaders } from "./download.ts";

/** A row as `node:sqlite` hands it out. */
export type Row = Record<string, SQLOutputValue>;

/** Reads a row of the table `downloads`. */
export function toDownload(row: Row): Download {
  return {
    sequence: number(row, "sequence"),
    id: text(row, "id"),
    owner: text(row, "owner"),
    url: text(row, "url"),
    host: text(row, "host"),
    path: text(row, "path"),
    filename: textOrNull(row, "filename"),
    onConflict: text(row, "on_conflict") as OnConflict,
    headers: JSON.parse(text(row, "headers")) as RequestHeaders,
    checksum: textOrNull(row, "checksum"),
    maxBytes: numberOrNull(row, "max_bytes"),
    priority: number(row, "priority"),
    notBefore: number(row, "not_before") || null,
    state: text(row, "state") as DownloadState,
    attempts: number(row, "attempts"),
    bytes: number(row, "bytes"),
    speed: number(row, "speed"),
    resume: {
      partial: textOrNull(row, "partial"),
      durableBytes: number(row, "durable_bytes"),
      validator: textOrNull(row, "validator"),
      total: numberOrNull(row, "total"),
      name: textOrNull(row, "name"),
      modifiedMs: numberOrNull(row, "modified"),
      failures: number(row, "failures"),
    },
    candidate: textOrNull(row, "candidate"),
    file: textOrNull(row, "file"),
    error: failureOf(row),
    createdAt: number(row, "created_at"),
    startedAt: numberOrNull(row, "started_at"),
    endedAt: numberOrNull(row, "ended_at"),
    epoch: number(row, "epoch"),
  };
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

function numberOrNull(row: Row, column: string): number | null {
  const value = row[column];
  return typeof value === "number" ? value : null;
}

function failureOf(row: Row): Download["error"] {
  const code = textOrNull(row, "error_code");
  return code === null ? null : { code, detail: text(row, "error_detail") };
}
