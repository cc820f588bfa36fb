import { hasChecksum } from "./checksum.ts";
import type { NewDownload } from "./download.ts";
import { AttemptError } from "./errors.ts";
import { endOf, type ByteRange } from "./ranges.ts";
import type { WorkingFile } from "./working-file.ts";

/**
 * Compares a whole file with what was said of it: the client's checksum, else the source's; and when it is wrong, its
 * pieces with theirs.
 *
 * @returns which bytes are wrong, as far as can be told; nothing when all are right
 */
export async function findWrongBytes(
  file: WorkingFile,
  { checksum, pieces }: Pick<NewDownload, "checksum" | "pieces">,
  signal: AbortSignal,
): Promise<ByteRange[]> {
  const whole = { start: 0, end: endOf(file.written) };
  const expected = checksum ?? (pieces ? null : file.point.digest);
  const { fd } = file.staged;
  if (expected === null ? !pieces : await hasChecksum(fd, whole, expected, signal)) return [];
  if (!pieces) return [whole];
  const wrong: ByteRange[] = [];
  for (const [index, hash] of pieces.hashes.entries()) {
    const start = index * pieces.length;
    const piece = { start, end: Math.min(start + pieces.length, whole.end) };
    if (!(await hasChecksum(fd, piece, `${pieces.algorithm}=${hash}`, signal))) wrong.push(piece);
  }
  // Every piece is right and the whole is not: one of them was made up.
  return wrong.length === 0 && expected !== null ? [whole] : wrong;
}

/** What is told when nobody is left to ask for other bytes. */
export function mismatch({ checksum, pieces }: Pick<NewDownload, "checksum" | "pieces">): AttemptError {
  const whose = checksum !== null || pieces ? "the one that was asked for" : "the one that the server states";
  return new AttemptError("CHECKSUM_MISMATCH", `The file's checksum is not ${whose}.`);
}
