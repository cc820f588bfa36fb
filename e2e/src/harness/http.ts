import type { Readable } from "node:stream";
import { Agent, request } from "undici";
import { expect } from "vitest";

const LIMIT_MS = 60_000;
const dispatcher = new Agent({ connections: 128, headersTimeout: LIMIT_MS, bodyTimeout: LIMIT_MS });

/** A whole response. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** What a request may have beyond its method and URL. */
export interface RequestParts {
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array | Readable;
}

/** Sends a request and reads the whole response. No redirect is followed. */
export async function send(method: string, url: string, parts: RequestParts = {}): Promise<Answer> {
  const { statusCode, headers, body } = await request(url, {
    method: method as "GET",
    headers: parts.headers ?? {},
    body: parts.body ?? null,
    dispatcher,
  });
  const flat = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(", ")] as const);
  return {
    status: statusCode,
    headers: Object.fromEntries(flat),
    body: Buffer.from(await body.arrayBuffer()),
  };
}

/** A body as JSON. */
export function json(answer: { readonly body: Buffer }): unknown {
  return JSON.parse(answer.body.toString());
}

/** The body of an error. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
}

/** Expects an answer to be a problem (RFC 9457) of that status and code, whose body says the same; returns it. */
export function expectProblem(answer: Answer, status: number, code: string): Problem {
  const text = answer.body.toString();
  // The text is there to be seen when the status is another.
  expect({ status: answer.status, text }).toEqual({ status, text });
  expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
  const problem = json(answer) as Problem;
  expect(problem).toMatchObject({
    status,
    code,
    type: expect.any(String) as string,
    title: expect.any(String) as string,
    detail: expect.any(String) as string,
    instance: expect.any(String) as string,
  });
  return problem;
}

/** A name as a segment of a URL. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}
