import type { NewDownload, ResumePoint } from "../downloads/download.ts";

/** A submission of which a test does not care about the rest. */
export function newDownload(changes: Partial<NewDownload> = {}): NewDownload {
  return {
    url: "https://example.com/a.bin",
    host: "example.com",
    mirrors: [],
    path: "/",
    filename: null,
    onConflict: "rename",
    headers: {},
    checksum: null,
    size: null,
    pieces: null,
    maxBytes: null,
    priority: 0,
    segments: null,
    speedLimit: null,
    notBefore: null,
    webhook: null,
    ...changes,
  };
}

/** Where a transfer of which nothing is on disk yet goes on. */
export function emptyPoint(changes: Partial<ResumePoint> = {}): ResumePoint {
  return {
    partial: null,
    durable: [],
    validator: null,
    total: null,
    digest: null,
    name: null,
    modifiedMs: null,
    failures: 0,
    ...changes,
  };
}
