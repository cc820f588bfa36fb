import type { IncomingHttpHeaders } from "node:http";

import { sourceDigest } from "./checksum.ts";
import type { NewDownload } from "./download.ts";
import { AttemptError } from "./errors.ts";
import { chooseName } from "./naming.ts";
import { requireFreeName } from "./publication.ts";
import { countBytes } from "./ranges.ts";
import type { Source } from "./source.ts";
import type { TransferContext, TransferJob } from "./transfer-job.ts";
import { modifiedMs, strongValidator } from "./validator.ts";
import type { SourceFacts } from "./working-file.ts";

/** Whether there is room for less than this is found out when it is written. */
const SMALL_BYTES = 1 << 20;

/**
 * Judges what the head of a transfer's first answer says, and has a file ready for its body.
 *
 * @throws {AttemptError} `TOO_LARGE`, `SIZE_MISMATCH`; whatever is in the way of the file
 */
export async function prepareFile(context: TransferContext, job: TransferJob, source: Source): Promise<void> {
  const { download, file } = job;
  const { response, url, part, total } = source;
  if (total !== null) {
    requireAllowed(context, download, total);
    requireSize(download, total);
  }
  if (part) {
    file.learnTotal(total);
  } else {
    const { filename } = download;
    const name = chooseName({ filename, contentDisposition: response.headers["content-disposition"], url });
    await requireFreeName(context.volume, download, name);
    await file.startOver({ ...factsOf(response.headers), total, name });
  }
  const left = (total ?? 0) - countBytes(file.written);
  if (left > SMALL_BYTES) await context.volume.requireSpace(left);
}

function factsOf(headers: IncomingHttpHeaders): Pick<SourceFacts, "validator" | "digest" | "modifiedMs"> {
  return {
    validator: strongValidator(headers),
    digest: sourceDigest(headers),
    modifiedMs: modifiedMs(headers),
  };
}

/** @throws {AttemptError} `TOO_LARGE` */
export function requireAllowed(
  context: Pick<TransferContext, "maxBytes">,
  { maxBytes }: Pick<NewDownload, "maxBytes">,
  bytes: number,
): void {
  const limit = Math.min(maxBytes ?? Infinity, context.maxBytes);
  if (bytes <= limit) return;
  throw new AttemptError("TOO_LARGE", `The file is larger than the ${limit} bytes allowed.`);
}

/** @throws {AttemptError} `SIZE_MISMATCH` */
export function requireSize({ size }: Pick<NewDownload, "size">, bytes: number): void {
  if (size === null || size === bytes) return;
  throw new AttemptError("SIZE_MISMATCH", `The server's file has ${bytes} bytes instead of ${size}.`);
}
