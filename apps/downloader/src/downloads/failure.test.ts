import { InsufficientStorageError, NotDirectoryError } from "@wharf/volume";
import { describe, expect, test } from "vitest";

import { AddressForbiddenError, AttemptError, UrlForbiddenError } from "./errors.ts";
import { statusError, toAttemptError } from "./failure.ts";

function systemError(code: string, more: Record<string, unknown> = {}): Error {
  return Object.assign(new Error(`${code} 10.0.0.7:8080 /srv/volume`), { code, ...more });
}

describe("what ended an attempt", () => {
  test.each([
    ["a refused connection", systemError("ECONNREFUSED", { syscall: "connect" }), "CONNECTION_FAILED", true],
    [
      "a connection that a firewall forbids",
      systemError("EPERM", { syscall: "connect" }),
      "CONNECTION_FAILED",
      true,
    ],
    ["a reset connection", systemError("ECONNRESET", { syscall: "read" }), "CONNECTION_FAILED", true],
    ["a connection that ended early", systemError("UND_ERR_SOCKET"), "CONNECTION_FAILED", true],
    ["an answer that is no HTTP", systemError("HPE_INVALID_CONSTANT"), "CONNECTION_FAILED", true],
    ["an answer that is no TLS", systemError("ERR_SSL_WRONG_VERSION_NUMBER"), "CONNECTION_FAILED", true],
    ["a slow connection", systemError("UND_ERR_CONNECT_TIMEOUT"), "CONNECT_TIMEOUT", true],
    ["a slow answer", systemError("UND_ERR_HEADERS_TIMEOUT"), "HEADERS_TIMEOUT", true],
    ["an unknown name", systemError("ENOTFOUND", { syscall: "getaddrinfo" }), "NAME_UNKNOWN", true],
    ["a resolver that does not answer", systemError("EAI_AGAIN"), "NAME_UNKNOWN", true],
    ["an expired certificate", systemError("CERT_HAS_EXPIRED"), "TLS_FAILED", false],
    ["another's certificate", systemError("ERR_TLS_CERT_ALTNAME_INVALID"), "TLS_FAILED", false],
    ["a certificate of nobody's", systemError("DEPTH_ZERO_SELF_SIGNED_CERT"), "TLS_FAILED", false],
    ["a forbidden address", new AddressForbiddenError(), "ADDRESS_FORBIDDEN", false],
    ["a forbidden redirect", new UrlForbiddenError("no"), "ADDRESS_FORBIDDEN", false],
    ["a full disk", new InsufficientStorageError(), "INSUFFICIENT_STORAGE", true],
    [
      "a full disk, seen by a write",
      systemError("ENOSPC", { syscall: "writev" }),
      "INSUFFICIENT_STORAGE",
      true,
    ],
    ["a broken disk", systemError("EIO", { syscall: "fdatasync" }), "VOLUME_UNAVAILABLE", true],
    ["a path through a file", new NotDirectoryError("/a"), "NOT_A_DIRECTORY", false],
    ["a fault of ours", new TypeError("x is not a function"), "INTERNAL", true],
    ["no error at all", "what", "INTERNAL", true],
  ])("%s", (_what, error, code, isTransient) => {
    const attemptError = toAttemptError(error);
    expect(attemptError).toMatchObject({ code, isTransient });
    expect(attemptError.message).not.toMatch(/10\.0\.0\.7|srv/);
  });

  test("what is known already stays what it is", () => {
    const error = new AttemptError("X", "x");
    expect(toAttemptError(error)).toBe(error);
  });
});

test("a status is told with its reason", () => {
  expect(statusError(404)).toMatchObject({
    message: "The server answered 404 Not Found.",
    isTransient: false,
  });
  expect(statusError(599)).toMatchObject({ message: "The server answered 599.", isTransient: true });
  expect(statusError(429, 5)).toMatchObject({ isTransient: true, retryAfterMs: 5 });
});
