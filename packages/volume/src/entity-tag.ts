import type { BigIntStats } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * The coarsest clock by which a kernel stamps files (100 Hz): two changes less than this apart can carry one time.
 * Linux 6.13 and later stamp finely once a time was looked at; older ones do not.
 */
export const CLOCK_TICK_MS = 10;

/**
 * The strong entity tag of a file (RFC 9110 §8.8.3): inode, size and change time, which every process on every node
 * reads alike. The change time cannot be set, so a rewrite that puts the old modification time back shows as well. An
 * inode may be used again, but only by a file that changed later; {@link settled} and publication see to "later".
 */
export function entityTag(stats: BigIntStats): string {
  return `"${stats.ino.toString(36)}-${stats.size.toString(36)}-${stats.ctimeNs.toString(36)}"`;
}

/**
 * Reads a file's state when its tag can be relied on: see {@link isUnsettled}.
 */
export async function settled(read: () => Promise<BigIntStats>): Promise<BigIntStats> {
  for (let tries = 0; ; tries++) {
    const readAtMs = Date.now();
    const stats = await read();
    if (!isUnsettled(stats, readAtMs, tries)) return stats;
    await sleep(CLOCK_TICK_MS);
  }
}

/** How long a file that was just published may still have its staging name, whose removal changes its tag. */
const PUBLICATION_MS = 2_000;
/** A file that is being written without pause is given up on after so many looks. */
const MAX_TRIES = 3;

/**
 * Whether a file's state should be read again, a clock tick later: it had changed within a tick, so that a later change
 * could share its time, and so its tag; or it was published a moment ago and has two names still. A time in the future
 * (another node's clock) is settled.
 *
 * @param readAtMs taken before the reading, which may have been slow
 * @param tries how often it was read before
 */
export function isUnsettled(stats: BigIntStats, readAtMs: number, tries: number): boolean {
  const ageMs = readAtMs - Number(stats.ctimeMs);
  if (!stats.isFile() || ageMs < 0) return false;
  const isInPublication =
    stats.nlink > 1n && ageMs <= PUBLICATION_MS && tries < PUBLICATION_MS / CLOCK_TICK_MS;
  return isInPublication || (ageMs <= CLOCK_TICK_MS && tries < MAX_TRIES);
}
