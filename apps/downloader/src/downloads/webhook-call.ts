import type { Dispatcher } from "undici";

import { AddressForbiddenError, UrlForbiddenError, UrlInvalidError } from "./errors.ts";
import { toAttemptError } from "./failure.ts";
import { judgeUrl, parseUrl, type GuardPolicy } from "./guard.ts";
import { parseRetryAfter } from "./retry.ts";
import type { WebhookMessage } from "./webhook-message.ts";

/** What of an answer is read, so that its connection can be used again; nobody wants to know what it says. */
const ANSWER_LIMIT = 4096;

/** What became of a call: `why` is for the log, and names nothing of the URL. */
export type CallResult =
  | { readonly kind: "delivered" | "gone" | "forbidden"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string; readonly retryAfterMs: number | undefined };

export interface CallContext {
  readonly dispatcher: Dispatcher;
  readonly policy: GuardPolicy;
}

/**
 * Posts a message, through the guard. A redirect is not followed: it is no 2xx. Never rejects.
 *
 * @param signal ends the call, at whatever point it is
 */
export async function callWebhook(
  { dispatcher, policy }: CallContext,
  text: string,
  message: WebhookMessage,
  signal: AbortSignal,
): Promise<CallResult> {
  try {
    const url = parseUrl(text);
    judgeUrl(url, policy);
    return judgeAnswer(await unlessAborted(post(dispatcher, url, message, signal), signal));
  } catch (error) {
    const isForbidden =
      error instanceof UrlForbiddenError ||
      error instanceof AddressForbiddenError ||
      error instanceof UrlInvalidError;
    if (isForbidden) return { kind: "forbidden", why: error.code };
    return {
      kind: "failed",
      why: signal.aborted ? "TIMED_OUT" : toAttemptError(error).code,
      retryAfterMs: undefined,
    };
  }
}

interface WebhookAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

async function post(
  dispatcher: Dispatcher,
  { origin, pathname, search }: URL,
  { headers, body }: WebhookMessage,
  signal: AbortSignal,
): Promise<WebhookAnswer> {
  const answer = await dispatcher.request({
    origin,
    path: pathname + search,
    method: "POST",
    headers,
    body,
    signal,
  });
  // The status says it all: what is wrong with the rest is not the message's fault.
  await answer.body.dump({ limit: ANSWER_LIMIT, signal }).catch(() => undefined);
  const retryAfter = answer.headers["retry-after"];
  return { status: answer.statusCode, retryAfter: typeof retryAfter === "string" ? retryAfter : undefined };
}

function judgeAnswer({ status, retryAfter }: WebhookAnswer): CallResult {
  const why = String(status);
  if (status >= 200 && status <= 299) return { kind: "delivered", why };
  if (status === 410) return { kind: "gone", why };
  return { kind: "failed", why, retryAfterMs: parseRetryAfter(retryAfter, Date.now()) };
}

/** undici hears of a signal only once there is a connection. */
function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new Error("The call was given up."));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return Promise.race([result, promise]).finally(() => signal.removeEventListener("abort", onAbort));
}
