import { NotFoundError, VolumePath, type Volume } from "@wharf/volume";

import type { Download } from "./download.ts";
import { DownloadUnknownError } from "./errors.ts";
import type { DownloadStore } from "./store.ts";

/**
 * Removes a download, whichever replica works on it: that one finds its lease gone at its next heartbeat, and until
 * then has nothing it could publish.
 *
 * @param withFile removes the published file too
 * @throws {DownloadUnknownError}
 */
export async function removeDownload(
  { volume, store }: { volume: Volume; store: DownloadStore },
  id: string,
  withFile: boolean,
): Promise<void> {
  const download = await store.remove(id);
  if (!download) throw new DownloadUnknownError(id);
  const file = (await takePartial(volume, download)) ?? download.file;
  if (!withFile || file === null) return;
  await volume.remove(VolumePath.parse(file)).catch((error: unknown) => {
    if (!(error instanceof NotFoundError)) throw error;
  });
}

/** Removes the partial file. Resolves to where it was published, should that have happened just now. */
async function takePartial(
  { partials }: Volume,
  { resume, candidate }: Download,
): Promise<string | undefined> {
  if (resume.partial === null) return undefined;
  const seized = await partials.seize(resume.partial);
  const isPublished = candidate !== null && (await partials.isPublished(seized));
  await partials.remove(seized);
  return isPublished ? candidate : undefined;
}
