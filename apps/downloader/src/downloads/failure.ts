import { STATUS_CODES } from "node:http";

import { fromSystem, VolumeError } from "@wharf/volume";
import { errors } from "undici";

import {
  AddressForbiddenError,
  AttemptError,
  StoreUnavailableError,
  UrlForbiddenError,
  UrlInvalidError,
} from "./errors.ts";

/** Statuses that speak of the moment rather than of the resource. */
const TRANSIENT_STATUSES = new Set([408, 425, 429]);

/** What may have changed by the next attempt, of all that can be wrong with the volume. */
const TRANSIENT_VOLUME_CODES = new Set([
  "INSUFFICIENT_STORAGE",
  "NOT_FOUND", // the partial file, and with it the state folder: the volume was taken away
  "VOLUME_BUSY",
  "VOLUME_READ_ONLY",
  "VOLUME_UNAVAILABLE",
]);

/** What undici and the system say of a connection, in the words of a person who asked for a file. */
const CONNECTION_ERRORS: Readonly<Record<string, readonly [code: string, detail: string]>> = {
  UND_ERR_CONNECT_TIMEOUT: ["CONNECT_TIMEOUT", "The server could not be reached in time."],
  ETIMEDOUT: ["CONNECT_TIMEOUT", "The server could not be reached in time."],
  UND_ERR_HEADERS_TIMEOUT: ["HEADERS_TIMEOUT", "The server did not answer in time."],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ["BODY_TRUNCATED", "The server's answer is not as long as it says."],
  UND_ERR_HEADERS_OVERFLOW: [
    "RESPONSE_INVALID",
    "The head of the server's answer is larger than HTTP allows here.",
  ],
  ENOTFOUND: ["NAME_UNKNOWN", "The server's name could not be resolved."],
  EAI_AGAIN: ["NAME_UNKNOWN", "The server's name could not be resolved."],
};

/** What the network, the resolver, the HTTP parser and TLS say; all else that has a code is the file system's. */
const NETWORK_ERROR =
  /^(UND_ERR_|HPE_|ERR_SSL_|EAI_|ECONN|EHOST|ENET|ETIMEDOUT|ENOTFOUND|EPIPE|EPROTO|EADDRNOTAVAIL)/;
const CERTIFICATE_ERROR = /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/;

/** The error for a status that brings no file. */
export function statusError(status: number, retryAfterMs?: number): AttemptError {
  const reason = STATUS_CODES[status];
  const isTransient = TRANSIENT_STATUSES.has(status) || (status >= 500 && status <= 599);
  const detail = `The server answered ${status}${reason === undefined ? "" : ` ${reason}`}.`;
  return new AttemptError("HTTP_STATUS", detail, { isTransient, retryAfterMs });
}

/** Whatever ended an attempt, as what a person is told and a retry is judged by. */
export function toAttemptError(thrown: unknown): AttemptError {
  const error = isFromConnect(thrown) ? thrown : fromSystem(thrown, "the partial file");
  if (error instanceof AttemptError) return error;
  if (error instanceof AddressForbiddenError) return new AttemptError(error.code, error.message);
  if (error instanceof UrlForbiddenError || error instanceof UrlInvalidError) {
    // Known only now: the download, or a redirect, leads where no client may lead us.
    return new AttemptError("ADDRESS_FORBIDDEN", error.message);
  }
  if (error instanceof StoreUnavailableError) {
    return new AttemptError(error.code, error.message, { isTransient: true, cause: error });
  }
  if (error instanceof VolumeError) {
    const isTransient = TRANSIENT_VOLUME_CODES.has(error.code);
    return new AttemptError(error.code, error.message, { isTransient, cause: error });
  }
  return connectionError(error) ?? unexpected(error);
}

/** What an error code says about its source; any other is about this side, or about what was asked for. */
const SOURCE_CODES = new Set([
  "ADDRESS_FORBIDDEN",
  "BODY_TRUNCATED",
  "CONNECTION_FAILED",
  "CONNECT_TIMEOUT",
  "CONTENT_ENCODED",
  "HEADERS_TIMEOUT",
  "HTTP_STATUS",
  "NAME_UNKNOWN",
  "PROXY_FAILED",
  "PROXY_REFUSED",
  "RANGE_IGNORED",
  "REDIRECT_INVALID",
  "RESPONSE_INVALID",
  "SIZE_MISMATCH",
  "STALLED",
  "TIMED_OUT",
  "TLS_FAILED",
  "TOO_MANY_REDIRECTS",
]);

/** Whether another source, or another connection to the same one, may fare better. */
export function isOfSource({ code }: AttemptError): boolean {
  return SOURCE_CODES.has(code);
}

function connectionError(error: unknown): AttemptError | undefined {
  // One that ended where it may not have is a connection that broke off.
  if (error instanceof errors.HTTPParserError && error.code !== "HPE_INVALID_EOF_STATE") {
    const detail = "The server's answer is not valid HTTP.";
    return new AttemptError("RESPONSE_INVALID", detail, { isTransient: true, cause: error });
  }
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  if (CERTIFICATE_ERROR.test(error.code)) {
    return new AttemptError("TLS_FAILED", "The server's certificate is not trusted.", { cause: error });
  }
  if (!NETWORK_ERROR.test(error.code) && !isFromConnect(error)) return undefined;
  const [code, detail] = CONNECTION_ERRORS[error.code] ?? [
    "CONNECTION_FAILED",
    "The connection to the server failed or broke off.",
  ];
  return new AttemptError(code, detail, { isTransient: true, cause: error });
}

/** A firewall may answer with codes that are otherwise the file system's. */
function isFromConnect(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "connect";
}

function unexpected(error: unknown): AttemptError {
  return new AttemptError("INTERNAL", "Something went wrong on our side.", {
    isTransient: true,
    cause: error,
  });
}
