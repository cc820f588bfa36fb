import { PathInvalidError } from "@wharf/volume";

import { parseChecksum } from "./checksum.ts";
import type { NewDownload, Pieces } from "./download.ts";
import { UrlForbiddenError } from "./errors.ts";
import type { MetalinkFile } from "./metalink.ts";
import { MetalinkInvalidError } from "./metalink-xml.ts";

/** What of a download a Metalink file says. */
export interface MetalinkDownload extends Pick<NewDownload, "checksum" | "size" | "pieces"> {
  /** The directories in the file's name, such as `a/b`; empty when there are none. */
  readonly directory: string;
  readonly filename: string;
  /** The most preferred one first; at least one. */
  readonly urls: readonly [string, ...string[]];
}

/** The strongest first. */
const HASH_TYPES = ["sha-512", "sha-256", "sha-1", "md5"] as const;
/** More than any file has; the least preferred ones beyond it are left out. */
const MAX_URLS = 100;

/**
 * Takes from a Metalink file what a download is made of. Hashes of unknown kinds are left out (RFC 5854 §4.2.4), and so
 * are URLs that only other programs can fetch, as long as one is left.
 *
 * @throws {PathInvalidError} {@link MetalinkInvalidError} {@link ChecksumInvalidError}
 * @throws {UrlForbiddenError} when none of its URLs can be fetched
 */
export function describeFile(file: MetalinkFile): MetalinkDownload {
  const size = file.size === null ? null : wholeNumber(file.size, "size");
  const hash = strongest(file.hashes);
  return {
    ...splitName(file.name),
    urls: fetchable(file.urls),
    size,
    checksum: hash ? parseChecksum(`${hash.type}=${hash.digest}`) : null,
    pieces: readPieces(file, size),
  };
}

/** RFC 5854 §4.1.2.1: the name may have directories, and must not lead out of the one it is put in. */
function splitName(name: string): { directory: string; filename: string } {
  if (name === "") throw new MetalinkInvalidError("A file has no name.");
  if (name.split("/").includes("")) {
    throw new PathInvalidError("The name must not begin or end with a slash, or have two in a row.");
  }
  const end = name.lastIndexOf("/");
  return { directory: name.slice(0, Math.max(end, 0)), filename: name.slice(end + 1) };
}

function fetchable(urls: readonly string[]): [string, ...string[]] {
  const [first, ...rest] = new Set(urls.filter((url) => /^https?:/i.test(url)));
  if (first === undefined) throw new UrlForbiddenError("The file has no http or https URL.");
  return [first, ...rest.slice(0, MAX_URLS - 1)];
}

function readPieces({ pieces }: MetalinkFile, size: number | null): Pieces | null {
  const chosen = strongest(pieces);
  if (!chosen) return null;
  const length = wholeNumber(chosen.length, "length of the pieces");
  if (length === 0) throw new MetalinkInvalidError("The pieces have no length.");
  // Of pieces that end before the file does, or nobody knows where, the rest would pass for verified.
  if (size === null) throw new MetalinkInvalidError("A file with pieces must have a size.");
  if (Math.ceil(size / length) !== chosen.hashes.length) {
    const detail = `${chosen.hashes.length} pieces of ${length} bytes do not make ${size} bytes.`;
    throw new MetalinkInvalidError(detail);
  }
  const hashes = chosen.hashes.map((digest) => parseChecksum(`${chosen.type}=${digest}`));
  return { algorithm: chosen.type, length, hashes: hashes.map((hash) => hash.slice(hash.indexOf("=") + 1)) };
}

function strongest<T extends { readonly type: string }>(of: readonly T[]): T | undefined {
  return HASH_TYPES.map((type) => of.find((each) => each.type === type)).find((each) => each !== undefined);
}

function wholeNumber(text: string, what: string): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new MetalinkInvalidError(`The ${what} is not a number of bytes.`);
}
