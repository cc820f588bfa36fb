import { ConditionFailedError, NotFoundError, VolumePath, type Entry, type Volume } from "@wharf/volume";

import type { Download } from "./download.ts";
import { DownloadUnknownError } from "./errors.ts";
import type { DownloadStore, Removed } from "./store.ts";

/** By how much the volume's clock may be ahead of the store's. */
const CLOCKS_APART_MS = 2_000;

/** What downloads are removed from. */
export interface RemovalContext {
  readonly volume: Volume;
  readonly store: DownloadStore;
}

/**
 * Removes a download, whichever replica works on it: that one finds its lease gone at its next heartbeat, and until
 * then has nothing it could publish.
 *
 * @param withFile removes the published file too, unless something else has taken its place since
 * @throws {DownloadUnknownError}
 */
export async function removeDownload(
  { volume, store }: RemovalContext,
  id: string,
  withFile: boolean,
): Promise<void> {
  const removed = await store.remove(id);
  if (!removed) throw new DownloadUnknownError(id);
  const seized = await seizePartial(volume, removed);
  if (seized) await volume.partials.remove(seized.partial);
  const file = seized?.published ?? removed.file;
  if (!withFile || file === null) return;
  const condition = (current: Entry): boolean => isSame(current, removed);
  await volume.remove(VolumePath.parse(file), { condition }).catch((error: unknown) => {
    if (!(error instanceof NotFoundError || error instanceof ConditionFailedError)) throw error;
  });
}

/**
 * Whether what stands at the path is what the download has put there, as far as size and time can tell: the time is the
 * source's, or, where that was silent, from before the end. Its identity would tell no more: it changes after the end,
 * when the partial file's name goes.
 */
function isSame(current: Entry, { resume: { total, modifiedMs }, endedAt }: Removed): boolean {
  // Until it is recorded how long the file is, nothing was published: it has happened since this request came.
  if (current.type !== "file" || (total !== null && current.size !== total)) return false;
  if (modifiedMs !== null) return current.modifiedMs === modifiedMs;
  return current.modifiedMs <= (endedAt ?? Date.now()) + CLOCKS_APART_MS;
}

/**
 * Removes what a download that was just canceled has received. Should its file have been published at that very moment,
 * the download is completed after all.
 */
export async function discardPartial({ volume, store }: RemovalContext, download: Download): Promise<void> {
  const seized = await seizePartial(volume, download);
  if (!seized) return;
  const { partial, published } = seized;
  if (published !== null) await store.complete(download, published, download.resume.total ?? download.bytes);
  await volume.partials.remove(partial);
}

/** Takes the partial file from whoever may be about to publish it; `published` is where that has happened just now. */
async function seizePartial(
  { partials }: Volume,
  { resume, candidate }: Removed,
): Promise<{ partial: string; published: string | null } | undefined> {
  if (resume.partial === null) return undefined;
  const partial = await partials.seize(resume.partial);
  return { partial, published: (await partials.isPublished(partial)) ? candidate : null };
}
