import type { Socket } from "node:net";

import { expect } from "vitest";

import { serve } from "../harness/answers.ts";
import type { Certificate, Certificates } from "../harness/certificates.ts";
import { FILE, LIMITS, times, type Row } from "./row.ts";

/** Closes a connection before anything was said on it. */
function drop(socket: Socket): boolean {
  socket.destroy();
  return true;
}

/** Closes it as soon as the other side has begun its handshake. */
function dropHandshake(socket: Socket): boolean {
  socket.once("data", () => socket.destroy());
  return true;
}

const brokenOff = { code: "CONNECTION_FAILED", detail: /connection .*(?:failed|broke off)/i };

function distrusted(name: string, pick: (certificates: Certificates) => Certificate): Row {
  return {
    name: `a certificate ${name}: nothing is asked for`,
    at: (certificates) => ({ tls: pick(certificates) }),
    script: serve(FILE),
    end: { code: "TLS_FAILED", detail: /certificate/i },
    asked: (requests, { connections }) => {
      expect(requests).toEqual([]);
      expect(connections).toBe(1); // another attempt would meet the same certificate
    },
  };
}

/** Connections that do not come about, and certificates that are wrong. */
export const CONNECTIONS: readonly Row[] = [
  {
    name: "nobody listens",
    at: "nowhere",
    script: serve(FILE),
    end: { code: "CONNECTION_FAILED", detail: /connection .*failed|refused/i },
    asked: times(0),
  },
  {
    name: "accepted, and closed at once",
    at: () => ({ intercept: drop }),
    script: serve(FILE),
    end: brokenOff,
    asked: (_requests, { connections }) => expect(connections).toBeGreaterThanOrEqual(LIMITS.maxAttempts),
  },
  {
    name: "closed at once, but for the second connection",
    at: () => ({ intercept: (socket, count) => count === 1 && drop(socket) }),
    script: serve(FILE),
    end: { content: FILE },
    asked: times(1),
  },
  {
    name: "https with a certificate that is as it should be",
    at: "https",
    script: serve(FILE),
    end: { content: FILE },
    asked: times(1),
  },
  distrusted("that has expired", ({ expired }) => expired),
  distrusted("that is not valid yet", ({ notYetValid }) => notYetValid),
  distrusted("of another host", ({ wrongHost }) => wrongHost),
  distrusted("signed by itself", ({ selfSigned }) => selfSigned),
  distrusted("of an unknown authority", ({ unknownAuthority }) => unknownAuthority),
  {
    name: "closed in the TLS handshake, each time",
    at: ({ good }) => ({ tls: good, intercept: dropHandshake }),
    script: serve(FILE),
    end: brokenOff,
    asked: times(0),
  },
  {
    name: "closed in the TLS handshake, once",
    at: ({ good }) => ({ tls: good, intercept: (socket, count) => count === 1 && dropHandshake(socket) }),
    script: serve(FILE),
    end: { content: FILE },
    asked: times(1),
  },
  {
    name: "http spoken where https was meant",
    at: ({ good }) => ({
      tls: good,
      intercept: (socket) =>
        socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").writableEnded,
    }),
    script: serve(FILE),
    end: {
      code: expect.stringMatching(/^(?:TLS_FAILED|CONNECTION_FAILED)$/) as string,
      detail: /connection|TLS/i,
    },
    asked: times(0),
  },
  {
    name: "silence in the TLS handshake",
    at: ({ good }) => ({ tls: good, intercept: () => true }),
    script: serve(FILE),
    end: { code: "CONNECT_TIMEOUT", detail: /could not be reached in time/ },
    asked: times(0),
  },
];
