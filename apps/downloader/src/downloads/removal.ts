import { NotFoundError, VolumePath, type Volume } from "@wharf/volume";

import type { Download } from "./download.ts";
import { DownloadUnknownError } from "./errors.ts";
import type { DownloadStore } from "./store.ts";

/** What downloads are removed from. */
export interface RemovalContext {
  readonly volume: Volume;
  readonly store: DownloadStore;
}

/**
 * Removes a download, whichever replica works on it: that one finds its lease gone at its next heartbeat, and until
 * then has nothing it could publish.
 *
 * @param withFile removes the published file too
 * @throws {DownloadUnknownError}
 */
export async function removeDownload(
  { volume, store }: RemovalContext,
  id: string,
  withFile: boolean,
): Promise<void> {
  const download = await store.remove(id);
  if (!download) throw new DownloadUnknownError(id);
  const seized = await seizePartial(volume, download);
  if (seized) await volume.partials.remove(seized.partial);
  const file = seized?.published ?? download.file;
  if (!withFile || file === null) return;
  await volume.remove(VolumePath.parse(file)).catch((error: unknown) => {
    if (!(error instanceof NotFoundError)) throw error;
  });
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
  { resume, candidate }: Download,
): Promise<{ partial: string; published: string | null } | undefined> {
  if (resume.partial === null) return undefined;
  const partial = await partials.seize(resume.partial);
  return { partial, published: (await partials.isPublished(partial)) ? candidate : null };
}
