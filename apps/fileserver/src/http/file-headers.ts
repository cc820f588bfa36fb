import mime from "mime";

/** Shown in a browser's window; everything else is offered for saving, as it might run as a page of ours. */
const INLINE = /^(?:image\/(?!svg)|audio\/|video\/|application\/pdf|text\/plain)/;

/** Every header that says something of a file, whole or in part. */
export function fileHeaders(
  file: { readonly name: string; readonly etag: string; readonly modifiedMs: number },
  options: { readonly isDownload: boolean },
): Record<string, string> {
  const type = contentType(file.name);
  const isInline = INLINE.test(type) && !options.isDownload;
  return {
    "content-type": type,
    "content-disposition": contentDisposition(isInline ? "inline" : "attachment", file.name),
    etag: file.etag,
    "last-modified": new Date(file.modifiedMs).toUTCString(),
    "accept-ranges": "bytes",
    "cache-control": "private, no-cache",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox",
  };
}

/** By the name's extension; text is taken to be UTF-8. */
function contentType(name: string): string {
  // As a path: a bare name without a dot would be taken for an extension.
  const type = mime.getType(`/${name}`) ?? "application/octet-stream";
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}

/**
 * `Content-Disposition` with both forms of a name (RFC 6266 §4.3): `curl -OJ` reads only the ASCII one, wget and
 * browsers prefer the other.
 */
export function contentDisposition(disposition: "inline" | "attachment", name: string): string {
  const ascii = name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^\x20-\x7e]/gu, "_");
  const quoted = ascii.replaceAll(/["\\]/g, String.raw`\$&`);
  return `${disposition}; filename="${quoted}"; filename*=UTF-8''${encodeExtended(name)}`;
}

/** RFC 8187 §3.2.1 leaves fewer characters plain than a URL does. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
