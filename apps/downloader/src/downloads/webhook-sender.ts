import type { KeyObject } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { Logger } from "@wharf/service";

import type { Download } from "./download.ts";
import type { DownloadMetrics } from "./metrics.ts";
import { Refill } from "./refill.ts";
import type { DownloadStore, WebhookClaim } from "./store.ts";
import { callWebhook, type CallContext, type CallResult } from "./webhook-call.ts";
import { webhookMessage } from "./webhook-message.ts";

const MAX_CALLS = 8;
/** What has to be done by the end of the process: no more than that it recorded what was interrupted. */
const END_WITHIN_MS = 250;

/** The times of a sender, in milliseconds. */
export interface WebhookTimes {
  /** How often it is looked for downloads that ended elsewhere, and for calls that are to be repeated. */
  readonly pollMs: number;
  /** All a call may take. */
  readonly callMs: number;
  /** A sender that has not settled a call for this long is dead. */
  readonly leaseMs: number;
  /** Between the first call and the second. */
  readonly retryMs: number;
}

const TIMES: WebhookTimes = { pollMs: 1_000, callMs: 10_000, leaseMs: 20_000, retryMs: 5_000 };

const MAX_ATTEMPTS = 10;
/** 5 s, 20 s, 80 s, ... 8 h: ten calls in about a day. */
const RETRY_FACTOR = 4;
const RETRY_CAP_MS = 8 * 3_600_000;
/** What a receiver may ask for at most. */
const RETRY_AFTER_CAP_MS = 24 * 3_600_000;

export interface WebhookContext extends CallContext {
  readonly store: DownloadStore;
  readonly metrics: Pick<DownloadMetrics, "webhooks">;
  readonly logger: Logger;
  /** What messages are signed with. */
  readonly key: KeyObject | undefined;
  /** The download as clients see it. */
  readonly describe: (download: Download) => unknown;
}

/** Tells whoever asked for it of the ends of downloads, together with the senders of all other replicas. */
export class WebhookSender {
  readonly #context: WebhookContext;
  readonly #times: WebhookTimes;
  readonly #calls = new Set<Promise<void>>();
  readonly #ending = new AbortController();
  readonly #refill: Refill;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: WebhookContext, times = TIMES) {
    this.#context = context;
    this.#times = times;
    this.#refill = new Refill(
      () => this.#startNext(),
      (error) => context.logger.error({ err: error }, "could not claim a webhook"),
    );
  }

  start(): void {
    this.#timer = setInterval(() => this.#refill.wake(), this.#times.pollMs);
    this.#refill.wake();
  }

  /** Breaks off what is being sent, to be repeated by others or after the next start. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    const ends = Promise.all([this.#refill.settled(), ...this.#calls]);
    await Promise.race([ends, sleep(END_WITHIN_MS, undefined, { ref: false })]);
  }

  async #startNext(): Promise<boolean> {
    const { store, logger } = this.#context;
    if (this.#ending.signal.aborted || this.#calls.size >= MAX_CALLS) return false;
    const claim = await store.claimWebhook(this.#times.leaseMs);
    if (!claim) return false;
    const call = this.#call(claim).catch((error: unknown) => {
      // The claim runs out, and then somebody calls again, with the same id.
      logger.error({ err: error, download: claim.download.id }, "a webhook's outcome could not be recorded");
    });
    this.#calls.add(call);
    void call.then(() => {
      this.#calls.delete(call);
      if (!this.#ending.signal.aborted) this.#refill.wake();
    });
    return true;
  }

  async #call(claim: WebhookClaim): Promise<void> {
    const { store, key, describe } = this.#context;
    const { download } = claim;
    if (download.webhook === null) return store.settleWebhook(claim);
    const message = webhookMessage(download, describe(download), key, Date.now());
    const signal = AbortSignal.any([AbortSignal.timeout(this.#times.callMs), this.#ending.signal]);
    const result = await callWebhook(this.#context, download.webhook, message, signal);
    if (this.#ending.signal.aborted && result.kind === "failed")
      return store.settleWebhook(claim, { afterMs: 0 });
    const again = nextCall(result, claim.attempt, Math.random(), this.#times.retryMs);
    this.#report(claim, result, again?.afterMs);
    return store.settleWebhook(claim, again);
  }

  #report({ download, attempt }: WebhookClaim, { kind, why }: CallResult, afterMs: number | undefined): void {
    const { metrics, logger } = this.#context;
    const outcome = kind !== "failed" ? kind : afterMs === undefined ? "given_up" : "retried";
    metrics.webhooks.inc({ outcome });
    // The URL stays out of the log: what is in it may be a secret.
    const fields = { download: download.id, attempt, why, ...(afterMs !== undefined && { afterMs }) };
    if (kind === "delivered") logger.info(fields, "webhook delivered");
    else logger.warn(fields, `webhook not delivered: ${outcome}`);
  }
}

/**
 * When a call is to be repeated: after a time that grows, give or take a fifth, or when the receiver says. Undefined
 * when it is over.
 *
 * @param random from 0 up to, but not including, 1
 */
export function nextCall(
  result: CallResult,
  attempt: number,
  random: number,
  retryMs = TIMES.retryMs,
): { afterMs: number } | undefined {
  if (result.kind !== "failed" || attempt >= MAX_ATTEMPTS) return undefined;
  const backoffMs = Math.min(RETRY_CAP_MS, retryMs * RETRY_FACTOR ** (attempt - 1)) * (0.8 + 0.4 * random);
  const askedMs = Math.min(result.retryAfterMs ?? 0, RETRY_AFTER_CAP_MS);
  return { afterMs: Math.round(Math.max(backoffMs, askedMs)) };
}
