import type { Dispatcher } from "undici";

import { parseContentRange } from "./content-range.ts";
import type { Download } from "./download.ts";
import { AttemptError } from "./errors.ts";
import { statusError } from "./failure.ts";
import { follow } from "./follow.ts";
import { parseUrl, type GuardPolicy } from "./guard.ts";
import { askFields, judgeAnswer, type Ask, type Known } from "./resume.ts";
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
  /** Whether its bytes follow on those that are there, or are everything. */
  readonly isRest: boolean;
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
    const { response, url } = await follow(dispatcher, { ...request, askFields: askFields(ask, known) });
    const verdict = judgeAnswer(ask, known, response);
    if (verdict === "append" || verdict === "replace")
      return accept(response, url, verdict === "append", known);
    response.discard();
    if (verdict === undefined) throw refusal(response);
    ask = verdict;
  }
}

function accept(response: SourceResponse, url: URL, isRest: boolean, known: Known | undefined): Source {
  const { headers } = response;
  if (!isIdentity(headers["content-encoding"])) {
    response.discard();
    const detail = "The server sent the file in an encoding that was not asked for.";
    throw new AttemptError("CONTENT_ENCODED", detail);
  }
  const restTotal = known?.total ?? parseContentRange(headers["content-range"])?.total ?? null;
  return { response, url, isRest, total: isRest ? restTotal : lengthOf(headers["content-length"]) };
}

/** We asked for the file as it is; what was encoded all the same would be stored as something else. */
function isIdentity(encoding = ""): boolean {
  return encoding === "" || encoding.toLowerCase() === "identity";
}

function lengthOf(field: string | undefined): number | null {
  return field !== undefined && /^\d{1,15}$/.test(field) ? Number(field) : null;
}

function refusal({ status, headers }: SourceResponse): AttemptError {
  return statusError(status, parseRetryAfter(headers["retry-after"], Date.now()));
}
