import type { NewDownload, ResumePoint } from "../downloads/download.ts";
import { NOTHING } from "../downloads/working-file.ts";

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

/** A point at which nothing is on disk yet, but for what a test cares about. */
export function emptyPoint(changes: Partial<ResumePoint> = {}): ResumePoint {
  return { ...NOTHING, failures: 0, ...changes };
}
