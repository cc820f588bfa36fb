import type { PartialFiles } from "@wharf/volume";

import { parsePartialName } from "./partial-name.ts";
import type { DownloadStore, PartialOwner } from "./store.ts";

/** How long a failed download may be tried again from where it ended; after that its partial file goes. */
export const FAILED_KEPT_MS = 24 * 3_600_000;

/**
 * Removes partial files that no unfinished download has use for: left by a process that died between two steps, or by a
 * worker that was taken over while it slept. Returns how many.
 *
 * The names are read before the downloads, and a download is on record before it has a file: what is missing from the
 * second reading is finished or gone.
 */
export async function sweepPartials(partials: PartialFiles, store: DownloadStore): Promise<number> {
  const names = await partials.names();
  if (names.length === 0) return 0;
  const ids = new Set(names.map((name) => parsePartialName(name).id));
  const unfinished = await store.unfinished([...ids], Date.now() - FAILED_KEPT_MS);
  const owners = new Map(unfinished.map((owner) => [owner.id, owner]));
  const stray = names.filter((name) => !isNeeded(name, owners.get(parsePartialName(name).id)));
  for (const name of stray) await partials.remove(name);
  return stray.length;
}

/** What the volume may add to a name: for a file that was seized, and for one about to replace another. */
const suffixes = ["", "~", ".seized", ".seized~"];

/** A file is needed when it is the one on record, or one of the present worker's, who may be about to record it. */
function isNeeded(name: string, owner: PartialOwner | undefined): boolean {
  if (!owner) return false;
  const isOnRecord = owner.partial !== null && suffixes.some((suffix) => name === owner.partial + suffix);
  return isOnRecord || parsePartialName(name).epoch === owner.epoch;
}
