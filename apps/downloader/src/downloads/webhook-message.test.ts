import { createHmac, createSecretKey } from "node:crypto";

import { expect, test } from "vitest";

import { webhookMessage } from "./webhook-message.ts";

const DOWNLOAD = { id: "d1", state: "completed", endedAt: Date.UTC(2026, 10, 23, 4, 0, 0, 5) } as const;
const KEY = createSecretKey(Buffer.from("a key of two dozen bytes"));

test("a message tells what has ended, when, and how", () => {
  const { body, headers } = webhookMessage(DOWNLOAD, { id: "d1", bytes: 5 }, undefined, 1_700_000_000_999);
  expect(JSON.parse(body)).toEqual({
    type: "download.completed",
    timestamp: "2026-11-23T04:00:00.005Z",
    data: { id: "d1", bytes: 5 },
  });
  expect(headers).toEqual({
    "content-type": "application/json",
    "user-agent": "wharf",
    "webhook-id": `d1_${DOWNLOAD.endedAt}`,
    "webhook-timestamp": "1700000000",
  });
});

test("sent again it has its id still, and a signature of its own; another end has another id", () => {
  const first = webhookMessage(DOWNLOAD, {}, KEY, 1_000_000).headers;
  const second = webhookMessage(DOWNLOAD, {}, KEY, 2_000_000).headers;
  expect(second["webhook-id"]).toBe(first["webhook-id"]);
  expect(second["webhook-signature"]).not.toBe(first["webhook-signature"]);
  const later = webhookMessage({ ...DOWNLOAD, endedAt: DOWNLOAD.endedAt + 1 }, {}, KEY, 1_000_000).headers;
  expect(later["webhook-id"]).not.toBe(first["webhook-id"]);
});

test("the signature covers id, time and body", () => {
  const { body, headers } = webhookMessage(DOWNLOAD, {}, KEY, 1_000_000);
  const signed = `${headers["webhook-id"]}.1000.${body}`;
  const expected = createHmac("sha256", "a key of two dozen bytes").update(signed).digest("base64");
  expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
  // Dots part what is signed: none may be in the id (Standard Webhooks, "Signature scheme").
  expect(headers["webhook-id"]).not.toContain(".");
});
