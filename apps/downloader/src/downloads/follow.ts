import type { Dispatcher } from "undici";

import type { RequestHeaders } from "./download.ts";
import { AttemptError, UrlInvalidError } from "./errors.ts";
import { judgeUrl, parseUrl, type GuardPolicy } from "./guard.ts";
import { fromRawBytes } from "./naming.ts";
import { sendGet, type SourceResponse } from "./source-response.ts";

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export interface FollowRequest {
  readonly url: URL;
  /** The client's own headers, meant for the origin of {@link url} alone. */
  readonly ownHeaders: RequestHeaders;
  /** What the transfer asks of whoever has the file. */
  readonly askFields: Readonly<Record<string, string>>;
  readonly policy: GuardPolicy;
  readonly headersTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** A final answer, who gave it, and what of the client's headers got there. */
export interface Answer {
  readonly response: SourceResponse;
  readonly url: URL;
  readonly ownHeaders: RequestHeaders;
}

/**
 * Sends a GET and follows its redirects by hand: each target is judged before it is asked, and the client's headers,
 * its credentials among them, end at the first origin that is another one. They do not come back with a redirect back.
 *
 * @throws {UrlForbiddenError} {@link AttemptError} `TOO_MANY_REDIRECTS`, `REDIRECT_INVALID`
 */
export async function follow(dispatcher: Dispatcher, request: FollowRequest): Promise<Answer> {
  const { policy, headersTimeoutMs, signal } = request;
  let { url, ownHeaders } = request;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    judgeUrl(url, policy);
    const headers = { "user-agent": "wharf", accept: "*/*", ...ownHeaders, "accept-encoding": "identity" };
    const response = await sendGet(dispatcher, {
      url,
      headers: { ...headers, ...request.askFields },
      headersTimeoutMs,
      signal,
    });
    if (!REDIRECTS.has(response.status)) return { response, url, ownHeaders };
    response.discard();
    const target = redirectTarget(response, url);
    if (target.origin !== url.origin) ownHeaders = {};
    url = target;
  }
  throw new AttemptError("TOO_MANY_REDIRECTS", `The server redirected more than ${MAX_REDIRECTS} times.`);
}

function redirectTarget({ status, headers }: SourceResponse, from: URL): URL {
  const { location } = headers;
  if (location === undefined) {
    throw new AttemptError("REDIRECT_INVALID", `The server answered ${status} without saying where to go.`);
  }
  try {
    return parseUrl(fromRawBytes(location), from);
  } catch (error) {
    if (!(error instanceof UrlInvalidError)) throw error;
    const detail = `The server answered ${status} with a Location that is no URL.`;
    throw new AttemptError("REDIRECT_INVALID", detail, { cause: error });
  }
}
