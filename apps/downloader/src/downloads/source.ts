import type { Dispatcher } from "undici";

import { parseContentRange } from "./content-range.ts";
import type { Download, RequestHeaders } from "./download.ts";
import { AttemptError } from "./errors.ts";
import { statusError } from "./failure.ts";
import { follow, type Answer } from "./follow.ts";
import { parseUrl, type GuardPolicy } from "./guard.ts";
import { askFields, judgeAnswer, type Ask, type Known } from "./resume.ts";
import type { ByteRange } from "./ranges.ts";
import { parseRetryAfter } from "./retry.ts";
import type { SourceResponse } from "./source-response.ts";

/** What sources are asked with. */
export interface SourceContext {
  readonly dispatcher: Dispatcher;
  readonly policy: GuardPolicy;
  readonly headersTimeoutMs: number;
}

/** An answer that brings bytes. */
export interface Source {
  readonly response: SourceResponse;
  /** Who answered, after all redirects. */
  readonly url: URL;
  /** What of the client's headers got there. */
  readonly headers: RequestHeaders;
  /** Which bytes of the file it brings when that is a part; null when it brings all of them. */
  readonly part: ByteRange | null;
  /** The length of the whole; null when nobody says it. */
  readonly total: number | null;
}

/**
 * Asks for the rest of a file, or for the whole of it, in as many ways as it takes to get an answer that can be used.
 *
 * @param known what can be continued from
 * @throws {AttemptError} `HTTP_STATUS`, `CONTENT_ENCODED`; whatever kept the request from being answered
 */
export async function askSource(
  context: SourceContext,
  download: Pick<Download, "url" | "headers">,
  known: Known | undefined,
  signal: AbortSignal,
): Promise<Source> {
  const { dispatcher, policy, headersTimeoutMs } = context;
  const request = {
    url: parseUrl(download.url),
    ownHeaders: download.headers,
    policy,
    headersTimeoutMs,
    signal,
  };
  let ask: Ask = known ? "rest-if-same" : "whole";
  for (;;) {
    const answer = await follow(dispatcher, { ...request, askFields: askFields(ask, known) });
    const verdict = judgeAnswer(ask, known, answer.response);
    if (verdict === "append" || verdict === "replace") return accept(answer, verdict === "append", known);
    answer.response.discard();
    if (verdict === undefined) throw refusal(answer.response);
    ask = verdict;
  }
}

function accept(answer: Answer, isPart: boolean, known: Known | undefined): Source {
  const { response, url, ownHeaders } = answer;
  const { headers } = response;
  if (!isIdentity(headers["content-encoding"]) || !isPlain(headers["transfer-encoding"])) {
    response.discard();
    const detail = "The server sent the file in an encoding that was not asked for.";
    throw new AttemptError("CONTENT_ENCODED", detail);
  }
  const range = isPart ? parseContentRange(headers["content-range"]) : undefined;
  const source = { response, url, headers: ownHeaders };
  if (!range) return { ...source, part: null, total: lengthOf(headers["content-length"]) };
  const part = { start: range.start, end: range.end + 1 };
  return { ...source, part, total: known?.total ?? range.total };
}

/** We asked for the file as it is; what was encoded all the same would be stored as something else. */
function isIdentity(encoding = ""): boolean {
  return encoding === "" || encoding.toLowerCase() === "identity";
}

/** Nor did we say that we take anything but `chunked`, which the parser undoes (RFC 9112 §7.4). */
function isPlain(coding = "identity"): boolean {
  return /^(chunked|identity)$/i.test(coding);
}

function lengthOf(field: string | undefined): number | null {
  return field !== undefined && /^\d+$/.test(field) ? Number(field) : null;
}

function refusal({ status, headers }: SourceResponse): AttemptError {
  return statusError(status, parseRetryAfter(headers["retry-after"], Date.now()));
}
