import type { XmlElement } from "@rgrove/parse-xml";

import { childrenOf, parseMetalinkRoot } from "./metalink-xml.ts";

/** A hash and what it was made by, as the document has them. */
interface MetalinkHash {
  readonly type: string;
  readonly digest: string;
}

/** A file of a Metalink document as the document has it: read, and not yet judged. */
export interface MetalinkFile {
  readonly name: string;
  readonly size: string | null;
  readonly hashes: readonly MetalinkHash[];
  readonly pieces: readonly {
    readonly type: string;
    readonly length: string;
    readonly hashes: readonly string[];
  }[];
  /** The most preferred one first. */
  readonly urls: readonly string[];
}

/** What is not said to be preferred comes last (RFC 5854 §4.2.16.1). */
const LAST_PRIORITY = 999_999;

/**
 * Reads a Metalink 4 document (RFC 5854).
 *
 * @throws {MetalinkInvalidError}
 */
export function parseMetalink(text: string): MetalinkFile[] {
  return childrenOf(parseMetalinkRoot(text), "file").map(readFile);
}

function readFile(file: XmlElement): MetalinkFile {
  const [size] = childrenOf(file, "size");
  return {
    name: file.attributes["name"] ?? "",
    size: size === undefined ? null : textOf(size),
    hashes: childrenOf(file, "hash").map((hash) => ({ type: typeOf(hash), digest: textOf(hash) })),
    pieces: childrenOf(file, "pieces").map((pieces) => ({
      type: typeOf(pieces),
      length: pieces.attributes["length"] ?? "",
      hashes: childrenOf(pieces, "hash").map(textOf),
    })),
    urls: childrenOf(file, "url")
      .toSorted((a, b) => priorityOf(a) - priorityOf(b)) // stable: of equals the first in the document
      .map(textOf),
  };
}

function priorityOf({ attributes: { priority = "" } }: XmlElement): number {
  return /^[1-9]\d{0,5}$/.test(priority) ? Number(priority) : LAST_PRIORITY;
}

function typeOf({ attributes: { type = "" } }: XmlElement): string {
  return type.toLowerCase();
}

function textOf(element: XmlElement): string {
  return element.text.trim();
}
