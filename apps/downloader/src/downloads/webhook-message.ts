import { createHmac, type KeyObject } from "node:crypto";

import type { Download } from "./download.ts";

/** What is sent to tell of a download's end. */
export interface WebhookMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Writes the message about a download that has ended, as Standard Webhooks 1.0 has it: the same id and body however
 * often it is sent, and a signature over both and the time of sending.
 *
 * @param data the download as clients see it
 * @param key without one, the message is not signed
 * @param nowMs when it is sent
 */
export function webhookMessage(
  download: Pick<Download, "id" | "state" | "endedAt">,
  data: unknown,
  key: KeyObject | undefined,
  nowMs: number,
): WebhookMessage {
  const endedAt = download.endedAt ?? 0;
  // A download that failed, was tried again and has ended once more has something new to tell.
  const id = `${download.id}_${endedAt}`;
  const timestamp = String(Math.floor(nowMs / 1000));
  const body = JSON.stringify({
    type: `download.${download.state}`,
    timestamp: new Date(endedAt).toISOString(),
    data,
  });
  return {
    headers: {
      "content-type": "application/json",
      "user-agent": "wharf",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      ...(key && { "webhook-signature": `v1,${sign(key, `${id}.${timestamp}.${body}`)}` }),
    },
    body,
  };
}

function sign(key: KeyObject, text: string): string {
  return createHmac("sha256", key).update(text).digest("base64");
}
