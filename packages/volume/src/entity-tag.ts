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
 * Reads a file's state when its last change is at least a clock tick old, so that no later change can share its time,
 * and so its tag. A file that is being written without pause is given up on after a few ticks.
 */
export async function settled(read: () => Promise<BigIntStats>): Promise<BigIntStats> {
  for (let tries = 0; ; tries++) {
    const readAtMs = Date.now();
    const stats = await read();
    if (tries === 3 || !isFresh(stats, readAtMs)) return stats;
    await sleep(CLOCK_TICK_MS);
  }
}

/**
 * Whether the file had changed within a clock tick when its state was read: then it may have changed once more since,
 * and not show it. A time in the future (another node's clock) is not fresh.
 *
 * @param readAtMs taken before the reading, which may have been slow
 */
export function isFresh(stats: BigIntStats, readAtMs: number): boolean {
  const ageMs = readAtMs - Number(stats.ctimeMs);
  return ageMs >= 0 && ageMs <= CLOCK_TICK_MS;
}
