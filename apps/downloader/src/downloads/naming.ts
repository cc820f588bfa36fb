import { parse } from "content-disposition";

const FALLBACK_NAME = "download";
const MAX_NAME_BYTES = 255;
/** An extension longer than this is no extension, and may be cut like the rest. */
const MAX_EXTENSION_BYTES = 32;

/** What a file's name can be taken from, in order of preference. */
export interface NameSources {
  /** What the client asked for. */
  readonly filename?: string | null;
  /** The response's Content-Disposition field (RFC 6266). */
  readonly contentDisposition?: string | undefined;
  /** The URL that answered, after all redirects. */
  readonly url: URL;
}

/** The name to publish a download under: the first source that has a usable one. */
export function chooseName({ filename, contentDisposition, url }: NameSources): string {
  const candidates = [filename ?? "", dispositionName(contentDisposition), lastSegment(url)];
  return candidates.map(safeName).find((name) => name !== "") ?? FALLBACK_NAME;
}

/**
 * Makes a name that anybody may have written one that can be published: the last segment of whatever path it holds,
 * without control characters, leading dots, or blanks around it, at most 255 bytes long. Empty when nothing is left.
 */
export function safeName(text: string): string {
  const plain = text
    .toWellFormed()
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "")
    // Characters that turn the direction of what follows: `exe.` before `gpj` would be read as a picture's name.
    .replaceAll(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
  const last = plain.split(/[/\\]/).findLast((segment) => segment.trim() !== "") ?? "";
  return shorten(last.trim().replace(/^[.\s]+/, ""));
}

/** `filename*` before `filename` (RFC 6266 §4.3), as the parser has it; a field that cannot be read has no name. */
function dispositionName(field: string | undefined): string {
  if (field === undefined) return "";
  const { filename = "" } = parse(field).parameters;
  return fromRawBytes(filename);
}

/** Many servers put UTF-8 where standards want ASCII; HTTP parsers hand its bytes on one by one, as Latin-1. */
export function fromRawBytes(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the whole range of a byte
  if (!/[\u0080-\u00ff]/.test(text) || /[^\u0000-\u00ff]/.test(text)) return text;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(text, "latin1"));
  } catch {
    return text;
  }
}

function lastSegment(url: URL): string {
  const segment = url.pathname.split("/").findLast((each) => each !== "") ?? "";
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Cuts a name to what a directory entry may have, sparing the extension and never through a character. */
function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  const [, extension = ""] = /.((?:\.tar)?\.[^.\s]+)$/su.exec(name) ?? [];
  const kept = Buffer.byteLength(extension) <= MAX_EXTENSION_BYTES ? extension : "";
  const room = MAX_NAME_BYTES - Buffer.byteLength(kept);
  const stem = Buffer.from(name.slice(0, name.length - kept.length)).subarray(0, room);
  return new TextDecoder().decode(stem, { stream: true }).trimEnd() + kept;
}
