import type { Volume } from "@wharf/volume";

import type { CheckpointInterval } from "./checkpoints.ts";
import type { HostConnections } from "./host-connections.ts";
import type { Mirrors } from "./mirrors.ts";
import { countBytes, gapsIn, type ByteRange } from "./ranges.ts";
import type { Known } from "./resume.ts";
import { SegmentPlan } from "./segments.ts";
import type { SourceContext } from "./source.ts";
import type { ClaimedDownload } from "./store.ts";
import type { SpeedLimiter } from "./token-bucket.ts";
import { isVerifiable, type WorkingFile } from "./working-file.ts";
import type { WriteSizes } from "./write-sizes.ts";

/** What every transfer works with. */
export interface TransferContext extends SourceContext {
  readonly volume: Volume;
  readonly stallTimeoutMs: number;
  /** The most any download may have, in bytes. */
  readonly maxBytes: number;
  /** Connections for a download that does not say how many. */
  readonly segments: number;
  /** How often what was received is made durable. */
  readonly checkpoints: CheckpointInterval;
  /** Of all downloads of this replica together. */
  readonly limiter: SpeedLimiter;
  readonly hosts: HostConnections;
  readonly writeSizes: WriteSizes;
}

/** What one transfer is about. */
export interface TransferJob {
  readonly download: ClaimedDownload;
  readonly mirrors: Mirrors;
  readonly file: WorkingFile;
  /** The download's own limit. */
  readonly limiter: SpeedLimiter;
  /** Ends the transfer; what was received until then is written, and as far as possible recorded. */
  readonly signal: AbortSignal;
}

/** What to ask for when there is something to go on from: the largest gap. Undefined when there is nothing. */
export function knownRest(job: TransferJob): Known | undefined {
  const { canContinue, written, point } = job.file;
  if (!canContinue || written.length === 0) return undefined;
  if (point.total === null) return { ...versionOf(job), start: countBytes(written) };
  const gap = new SegmentPlan(gapsIn(written, point.total)).offer([]);
  return gap && knownPart(job, gap);
}

/** What to ask for when certain bytes are missing. */
export function knownPart(job: TransferJob, { start, end }: ByteRange): Known {
  const version = versionOf(job);
  return { ...version, start, end: end === version.total ? undefined : end };
}

function versionOf({ download, file }: TransferJob): Pick<Known, "validator" | "total"> {
  const { validator, total } = file.point;
  // Each of several mirrors has validators of its own; the whole file will tell whether its parts belong together.
  const isForAll = download.mirrors.length === 0 || !isVerifiable(download);
  return { validator: isForAll ? validator : null, total };
}
