import { HttpError } from "@wharf/service";
import type { FastifyRequest } from "fastify";
import { Convert } from "typebox/value";

import type { NewDownload } from "../downloads/download.ts";
import type { GuardPolicy } from "../downloads/guard.ts";
import { MetalinkInvalidError } from "../downloads/metalink-xml.ts";
import { parseMetalink } from "../downloads/metalink.ts";
import { parseUriList } from "../downloads/uri-list.ts";
import { readCreateRequest, readMetalinkRequest } from "./create-request.ts";
import { ListOptionsSchema, MAX_DOWNLOADS, type ListOptions } from "./create-schema.ts";
import { validatorOf } from "./validate.ts";

/** What a submission may be written in. */
export const METALINK = "application/metalink4+xml";
export const URI_LIST = "text/uri-list";
export const PLAIN = "text/plain";
const JSON_TYPE = "application/json";
const METALINK_3 = "application/metalink+xml";

/** An element takes its place in the answer whether or not it is accepted. */
export interface Element {
  /** What was asked for, as data, before it is judged. */
  readonly asked: unknown;
  /** Where it stands in a text, for the people who wrote it. */
  readonly place?: string;
  /** Judges it; throws what is wrong with it. */
  readonly read: () => NewDownload;
}

/** What one request asks for, whatever it is written in. */
export interface Submission {
  /** Whether it is to be answered by itself rather than in a list. */
  readonly isSingle: boolean;
  readonly elements: readonly Element[];
}

/** A document of more has more than anybody wants to fetch; it is read in one go, and everybody else waits. */
const MAX_METALINK_BYTES = 4 * 2 ** 20;

/**
 * Tells before the body is asked for whether it can be read at all.
 *
 * @throws {HttpError} 415 `UNSUPPORTED_MEDIA_TYPE`
 */
export function requireReadable(request: FastifyRequest): void {
  const type = mediaType(request);
  const isList = type === METALINK || type === URI_LIST || type === PLAIN;
  // `curl -T` does not say what it sends.
  if (isList || (request.method === "PUT" ? type === undefined : type === JSON_TYPE || !hasBody(request)))
    return;
  throw new HttpError(415, "UNSUPPORTED_MEDIA_TYPE", unreadable(type, request.method));
}

/**
 * Reads a submission.
 *
 * @throws {HttpError} 400 `INVALID_REQUEST`, 413 `TOO_LARGE`
 * @throws {MetalinkInvalidError}
 */
export function readSubmission(request: FastifyRequest, policy: GuardPolicy): Submission {
  const body: unknown = request.body;
  const isText = Buffer.isBuffer(body) || (body === undefined && request.method === "PUT");
  const elements = isText
    ? readList(request, body ?? Buffer.alloc(0), policy)
    : readJson(request, body, policy);
  if (elements.length <= MAX_DOWNLOADS) return { isSingle: !isText && !Array.isArray(body), elements };
  const detail = `One request may have ${MAX_DOWNLOADS} downloads; this one has ${elements.length}.`;
  throw new HttpError(400, "INVALID_REQUEST", detail);
}

function readJson({ query }: FastifyRequest, body: unknown, policy: GuardPolicy): Element[] {
  const [parameter] = Object.keys(query as object);
  if (parameter !== undefined) {
    const detail = `JSON says it all by itself; the query has ${parameter}, which is for lists.`;
    throw new HttpError(400, "INVALID_REQUEST", detail);
  }
  const asked: unknown[] = Array.isArray(body) ? body : [body];
  return asked.map((each) => ({ asked: each, read: () => readCreateRequest(each, policy) }));
}

function readList(request: FastifyRequest, body: Buffer, policy: GuardPolicy): Element[] {
  const options = validateOptions(Convert(ListOptionsSchema, { ...(request.query as object) }));
  const type = mediaType(request);
  const isMetalink =
    type === METALINK || (type === undefined && /^\s*</.test(body.toString("latin1", 0, 1024)));
  return isMetalink ? readMetalink(body, options, policy) : readUriList(body, options, policy);
}

const validateOptions = validatorOf(ListOptionsSchema, "The query of a list");

function readUriList(body: Buffer, options: ListOptions, policy: GuardPolicy): Element[] {
  const text = decode(body);
  if (text === undefined) throw new HttpError(400, "INVALID_REQUEST", "The list is not UTF-8.");
  return parseUriList(text).map(({ line, uri }) => {
    const asked = { ...options, url: uri };
    return { asked, place: `Line ${line}`, read: () => readCreateRequest(asked, policy) };
  });
}

function readMetalink(body: Buffer, options: ListOptions, policy: GuardPolicy): Element[] {
  if (body.length > MAX_METALINK_BYTES) {
    throw new HttpError(413, "TOO_LARGE", `A Metalink document may have ${MAX_METALINK_BYTES} bytes.`);
  }
  const text = decode(body);
  if (text === undefined) throw new MetalinkInvalidError("The document is not UTF-8.");
  return parseMetalink(text).map((file) => ({
    asked: { ...options, file },
    place: `The file "${file.name}"`,
    read: () => readMetalinkRequest(file, options, policy),
  }));
}

function decode(body: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** Without parameters, in small letters. */
function mediaType({ headers }: FastifyRequest): string | undefined {
  const [type = ""] = (headers["content-type"] ?? "").split(";", 1);
  return type.trim().toLowerCase() || undefined;
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function unreadable(type: string | undefined, method: string): string {
  if (type === METALINK_3) return "Metalink 3 is not understood; Metalink 4 (application/metalink4+xml) is.";
  const types = [...(method === "PUT" ? [] : [JSON_TYPE]), URI_LIST, PLAIN, METALINK];
  return `The Content-Type of a ${method} must be ${types.join(", ").replace(/, (?=[^,]*$)/, " or ")}.`;
}
