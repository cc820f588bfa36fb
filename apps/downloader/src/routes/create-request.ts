import { HttpError } from "@wharf/service";
import { NotFoundError, PathInvalidError, VolumePath } from "@wharf/volume";

import { parseChecksum } from "../downloads/checksum.ts";
import type { NewDownload } from "../downloads/download.ts";
import { UrlForbiddenError, UrlInvalidError } from "../downloads/errors.ts";
import { judgeUrl, parseUrl, type GuardPolicy } from "../downloads/guard.ts";
import { describeFile } from "../downloads/metalink-file.ts";
import type { MetalinkFile } from "../downloads/metalink.ts";
import { safeName } from "../downloads/naming.ts";
import { judgeHeaders } from "../downloads/request-headers.ts";
import { CreateSchema, type ListOptions } from "./create-schema.ts";
import { validatorOf } from "./validate.ts";

const validate = validatorOf(CreateSchema, "A download");

/**
 * Judges what a client asks for, with all that can be told before anything is fetched.
 *
 * @throws {HttpError} 400 `INVALID_REQUEST`, naming the property
 * @throws {UrlInvalidError} {@link UrlForbiddenError} {@link PathInvalidError} {@link HeaderForbiddenError}
 * {@link ChecksumInvalidError}
 */
export function readCreateRequest(body: unknown, policy: GuardPolicy): NewDownload {
  const request = validate(body);
  return {
    ...readSource(request.url, policy),
    mirrors: [],
    path: directoryOf(request.path ?? "/"),
    filename: request.filename === undefined ? null : nameOf(request.filename),
    onConflict: request.onConflict ?? "rename",
    headers: judgeHeaders(request.headers ?? {}),
    checksum: request.checksum === undefined ? null : parseChecksum(request.checksum),
    size: null,
    pieces: null,
    maxBytes: request.maxBytes ?? null,
    priority: request.priority ?? 0,
    segments: request.segments ?? null,
    speedLimit: request.speedLimit ?? null,
    notBefore: request.notBefore === undefined ? null : readTime(request.notBefore),
    webhook: request.webhook === undefined ? null : readWebhook(request.webhook, policy),
  };
}

/**
 * Judges a file of a Metalink document like any other request: none of its URLs may be forbidden, and its name is a
 * path beneath the one that was asked for.
 *
 * @throws what {@link readCreateRequest} and {@link describeFile} do
 */
export function readMetalinkRequest(
  file: MetalinkFile,
  options: ListOptions,
  policy: GuardPolicy,
): NewDownload {
  const { urls, directory, filename, checksum, size, pieces } = describeFile(file);
  const [url, ...mirrors] = urls;
  const path = [options.path?.replace(/\/$/, "") ?? "", directory].filter((part) => part !== "").join("/");
  return {
    ...readCreateRequest({ ...options, url, path, filename }, policy),
    mirrors: mirrors.map((mirror) => readSource(mirror, policy).url),
    checksum,
    size,
    pieces,
  };
}

/**
 * Judges a URL to fetch.
 *
 * @throws {UrlInvalidError} {@link UrlForbiddenError}
 */
export function readSource(text: string, policy: GuardPolicy): Pick<NewDownload, "url" | "host"> {
  const url = parseUrl(text);
  judgeUrl(url, policy);
  url.hash = ""; // never sent, and so no part of what is fetched
  return { url: url.href, host: url.host };
}

/** A time before all times that are counted here, such as what some languages have for "none", is now. */
function readTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new HttpError(
      400,
      "INVALID_REQUEST",
      "notBefore is no time that is counted: a leap second, perhaps.",
    );
  }
  return Math.max(0, ms);
}

function readWebhook(text: string, policy: GuardPolicy): string {
  try {
    return readSource(text, policy).url;
  } catch (error) {
    if (error instanceof UrlInvalidError) throw new UrlInvalidError(`The webhook: ${error.message}`);
    if (error instanceof UrlForbiddenError) throw new UrlForbiddenError(`The webhook: ${error.message}`);
    throw error;
  }
}

function directoryOf(path: string): string {
  return judgePath(() => VolumePath.parse(path).asDirectory()).toString();
}

/** A name that leads elsewhere is refused rather than made safe: it is not what its author meant. */
function nameOf(filename: string): string {
  judgePath(() => VolumePath.root.child(filename));
  const name = safeName(filename);
  if (name === "") throw new PathInvalidError("The filename has nothing but dots and blanks.");
  return name;
}

/** Where a reserved name is asked for, "there is nothing" would be an odd answer. */
function judgePath(parse: () => VolumePath): VolumePath {
  try {
    return parse();
  } catch (error) {
    if (error instanceof NotFoundError) throw new PathInvalidError("The path is reserved.");
    throw error;
  }
}
