import { HttpError } from "@wharf/service";
import { NotFoundError, PathInvalidError, VolumePath } from "@wharf/volume";
import { Compile } from "typebox/compile";

import { parseChecksum } from "../downloads/checksum.ts";
import type { NewDownload } from "../downloads/download.ts";
import { judgeUrl, parseUrl, type GuardPolicy } from "../downloads/guard.ts";
import { safeName } from "../downloads/naming.ts";
import { judgeHeaders } from "../downloads/request-headers.ts";
import { CreateSchema, type CreateBody } from "./create-schema.ts";

const validator = Compile(CreateSchema);

/**
 * Judges what a client asks for, with all that can be told before anything is fetched.
 *
 * @throws {HttpError} 400 `INVALID_REQUEST`, naming the property
 * @throws {UrlInvalidError} {@link UrlForbiddenError} {@link PathInvalidError} {@link HeaderForbiddenError}
 * {@link ChecksumInvalidError}
 */
export function readCreateRequest(body: unknown, policy: GuardPolicy): NewDownload {
  const request = validate(body);
  const url = parseUrl(request.url);
  judgeUrl(url, policy);
  url.hash = ""; // never sent, and so no part of what is fetched
  return {
    url: url.href,
    host: url.host,
    path: directoryOf(request.path ?? "/"),
    filename: request.filename === undefined ? null : nameOf(request.filename),
    onConflict: request.onConflict ?? "rename",
    headers: judgeHeaders(request.headers ?? {}),
    checksum: request.checksum === undefined ? null : parseChecksum(request.checksum),
    maxBytes: request.maxBytes ?? null,
    priority: request.priority ?? 0,
    notBefore: request.notBefore === undefined ? null : Date.parse(request.notBefore),
  };
}

function validate(body: unknown): CreateBody {
  if (validator.Check(body)) return body;
  const errors = validator.Errors(body);
  const unknown = errors.find(({ keyword }) => keyword === "additionalProperties");
  if (unknown?.keyword === "additionalProperties") {
    const names = unknown.params.additionalProperties.join(", ");
    throw new HttpError(400, "INVALID_REQUEST", `A download has no property ${names}.`);
  }
  const [first] = errors;
  const place = first?.instancePath.slice(1).replaceAll("/", ".") ?? "";
  throw new HttpError(
    400,
    "INVALID_REQUEST",
    `${place || "The body"} ${first?.message ?? "is not a download"}.`,
  );
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
