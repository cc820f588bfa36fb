import { NotFoundError, PathInvalidError } from "./errors.ts";

/** The directory at the volume's root that holds Wharf's own state; to clients it does not exist. */
export const RESERVED_NAME = ".wharf";

const MAX_SEGMENT_BYTES = 255;
const MAX_PATH_BYTES = 4096;

/**
 * A client's path, judged once: every segment is a plain name, and none leads up, out, or into Wharf's own directory.
 * Only this type reaches the disk; whoever holds one needs no further check.
 */
export class VolumePath {
  /** The names from the root down; empty for the root itself. */
  readonly segments: readonly string[];
  /** True when the client wrote a trailing slash, and so means a directory. */
  readonly isDirectoryForm: boolean;

  static readonly root: VolumePath = new VolumePath([], true);

  private constructor(segments: readonly string[], isDirectoryForm: boolean) {
    this.segments = segments;
    this.isDirectoryForm = isDirectoryForm;
  }

  /**
   * Judges a plain, decoded path such as `music/a b.mp3`; a leading slash is allowed, a trailing one kept in mind.
   *
   * @throws {PathInvalidError} for `.` or `..`, an empty segment, a control character, a backslash, a segment over
   * 255 bytes, a path over 4,096, or text that is not well-formed Unicode
   * @throws {NotFoundError} for anything in the reserved directory
   */
  static parse(text: string): VolumePath {
    return VolumePath.#from((text.startsWith("/") ? text.slice(1) : text).split("/"));
  }

  /**
   * Judges the path of a URL, whose segments are percent-encoded: each is decoded exactly once (RFC 3986 §2.4), and an
   * encoded slash is refused rather than taken for a separator.
   *
   * @throws as {@link VolumePath.parse}, and {@link PathInvalidError} for malformed encoding or bytes that are not UTF-8
   */
  static parseEncoded(encoded: string): VolumePath {
    const segments = (encoded.startsWith("/") ? encoded.slice(1) : encoded).split("/").map(decodeSegment);
    return VolumePath.#from(segments);
  }

  static #from(parts: string[]): VolumePath {
    const isDirectoryForm = parts.at(-1) === "";
    const segments = isDirectoryForm ? parts.slice(0, -1) : parts;
    let bytes = 0;
    for (const segment of segments) bytes += judgeSegment(segment) + 1;
    if (bytes > MAX_PATH_BYTES)
      throw new PathInvalidError(`The path is longer than ${MAX_PATH_BYTES} bytes.`);
    const path = new VolumePath(segments, isDirectoryForm);
    // Compared without case: on a file system that folds it, `.WHARF` is the same directory.
    if (segments[0]?.toLowerCase() === RESERVED_NAME) throw new NotFoundError(path.toString());
    return path;
  }

  get isRoot(): boolean {
    return this.segments.length === 0;
  }

  /** The last segment; the empty string for the root. */
  get name(): string {
    return this.segments.at(-1) ?? "";
  }

  /** The directory this stands in; the root is its own parent. */
  get parent(): VolumePath {
    return new VolumePath(this.segments.slice(0, -1), true);
  }

  /** What `name` is called in this directory; the name is judged like any other. */
  child(name: string): VolumePath {
    judgeSegment(name); // an empty one would read as the trailing slash of this directory
    return VolumePath.#from([...this.segments, name]);
  }

  /** The same path with ` (n)` before the name's extension, for a name that is taken: `a (1).tar.gz`. */
  numbered(n: number): VolumePath {
    // A dot with a space or very much behind it begins no extension: `Mr. Smith`.
    const [, stem = "", extension = ""] = /^(.+?)((?:\.tar)?\.[^.\s]{0,20})?$/su.exec(this.name) ?? [];
    const suffix = ` (${n})${extension}`;
    return this.parent.child(cutToBytes(stem, MAX_SEGMENT_BYTES - Buffer.byteLength(suffix)) + suffix);
  }

  /** What the relative `path` leads to from this directory. */
  join(path: VolumePath): VolumePath {
    return VolumePath.#from([...this.segments, ...path.segments, ...(path.isDirectoryForm ? [""] : [])]);
  }

  /** The same path as a directory's, with a trailing slash. */
  asDirectory(): VolumePath {
    return this.isDirectoryForm ? this : new VolumePath(this.segments, true);
  }

  /** `/music/a b.mp3`; a directory's ends in a slash. */
  toString(): string {
    return this.#write(this.segments);
  }

  /** The same, percent-encoded for a URL. */
  toUrl(): string {
    return this.#write(this.segments.map(encodeURIComponent));
  }

  #write(segments: readonly string[]): string {
    return `/${segments.join("/")}${this.isDirectoryForm && segments.length > 0 ? "/" : ""}`;
  }
}

/** Whether a name, as another program may have given it, can be a segment of a path. */
export function isSegment(name: string): boolean {
  return faultOf(name) === undefined;
}

/** Returns the segment's length in bytes. */
function judgeSegment(segment: string): number {
  const fault = faultOf(segment);
  if (fault !== undefined) throw new PathInvalidError(fault);
  return Buffer.byteLength(segment);
}

/** Why a segment is none; undefined when it is one. */
function faultOf(segment: string): string | undefined {
  if (segment === "") return "The path has an empty segment.";
  if (segment === "." || segment === "..") return `The path has a "${segment}" segment.`;
  if (segment.includes("/")) return "A segment contains an encoded slash.";
  if (segment.includes("\\")) return "The path contains a backslash.";
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(segment)) return "The path contains a control character.";
  if (!segment.isWellFormed()) return "The path is not well-formed Unicode.";
  if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)
    return `A segment is longer than ${MAX_SEGMENT_BYTES} bytes.`;
  return undefined;
}

/** The longest beginning of `text` that has at most `bytes` bytes and ends with a whole character. */
function cutToBytes(text: string, bytes: number): string {
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytes), { stream: true });
}

function decodeSegment(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new PathInvalidError("The path is not validly percent-encoded UTF-8.");
  }
}
