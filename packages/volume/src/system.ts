import fs from "node:fs";
import { promisify } from "node:util";

// Descriptors as plain numbers through the callback API: one hop to the thread pool each, and no FileHandle to be
// closed by the garbage collector behind our back.
export const open = promisify(fs.open);
export const close = promisify(fs.close);
export const fdatasync = promisify(fs.fdatasync);
export const fsync = promisify(fs.fsync);
export const ftruncate = promisify(fs.ftruncate);
export const futimes = promisify(fs.futimes);

/** A descriptor's state with nanosecond times. */
export function fstat(fd: number): Promise<fs.BigIntStats> {
  return new Promise((resolve, reject) => {
    fs.fstat(fd, { bigint: true }, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
}
