import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { BundleError } from "./errors.ts";
import { sumOf } from "./manifest.ts";

const ATTEMPTS = 3;
const PAUSE_MS = 1_000;

/** How a bundle's parts are asked for. */
export interface Web {
  readonly signal: AbortSignal;
  /** For those hosts that ask who one is, `Basic …`; never for another. */
  readonly authorization?: { readonly value: string; readonly hosts: ReadonlySet<string> };
}

/** What this host is told of who one is. */
export function credentialsFor({ authorization }: Web, url: string): Record<string, string> {
  return authorization?.hosts.has(new URL(url).host) === true ? { authorization: authorization.value } : {};
}

/**
 * Asks for something; an answer of 404 or 401 is given back, for the caller to judge. Tries three times where the
 * connection or the server fails.
 *
 * @throws {BundleError} when there is no answer, or another error
 */
export async function ask(
  web: Web,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const given = credentialsFor(web, url);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(url, { headers: { ...given, ...headers }, signal: web.signal });
      if (response.ok || response.status === 404 || response.status === 401) return response;
      await response.body?.cancel();
      throw new BundleError(`${url} answers ${response.status} ${response.statusText}`);
    } catch (error) {
      web.signal.throwIfAborted();
      if (attempt === ATTEMPTS) throw unreachable(url, error);
      await sleep(attempt * PAUSE_MS, undefined, { signal: web.signal });
    }
  }
}

/** The text at a URL; nothing when it is not there. */
export async function readText(web: Web, url: string): Promise<string | undefined> {
  const response = await ask(web, url);
  if (response.ok) return response.text();
  await response.body?.cancel();
  if (response.status === 404) return undefined;
  throw refused(url, response);
}

/** What it means that an answer is none. */
export function refused(url: string, { status }: Response): BundleError {
  return status === 401
    ? new BundleError(
        `${url} answers 401: it asks for a password`,
        "Look at sources.credentials in the inventory; they are for the hosts that it names, never for a preset's.",
      )
    : new BundleError(`${url} is not there`, "Look at the versions and sources in the inventory.");
}

/**
 * Downloads to a file, which is there only when it is whole and, if that is known, of this checksum. One that is there
 * with this checksum is not asked for again.
 *
 * @param get asks for it; three times, if its connection breaks
 * @returns its SHA-256
 * @throws {BundleError} when it is not there or has another checksum
 */
export async function download(
  web: Web,
  url: string,
  file: string,
  sha256?: string,
  get = () => ask(web, url),
): Promise<string> {
  if (sha256 !== undefined && (await sumOf(file).catch(() => undefined)) === sha256) return sha256;
  for (let attempt = 1; ; attempt += 1) {
    const response = await get();
    if (!response.ok) {
      await response.body?.cancel();
      throw refused(url, response);
    }
    try {
      return await store(response, file, sha256, web.signal);
    } catch (error) {
      web.signal.throwIfAborted();
      // fetch's word for a broken connection, which is tried again; other bytes and a full disk are not.
      if (!(error instanceof TypeError)) throw error;
      if (attempt === ATTEMPTS) throw unreachable(url, error);
      await sleep(attempt * PAUSE_MS, undefined, { signal: web.signal });
    }
  }
}

async function store(response: Response, file: string, sha256: string | undefined, signal: AbortSignal) {
  const hash = createHash("sha256");
  const hashing = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      done(undefined, chunk);
    },
  });
  await mkdir(dirname(file), { recursive: true });
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  await pipeline(body, hashing, createWriteStream(`${file}.part`), { signal });
  const sum = hash.digest("hex");
  if (sha256 !== undefined && sum !== sha256) {
    await rm(`${file}.part`);
    throw new BundleError(
      `${response.url} has the SHA-256 ${sum}, and not ${sha256}`,
      "Look whether the source is what it should be.",
    );
  }
  await rename(`${file}.part`, file);
  return sum;
}

function unreachable(url: string, error: unknown): BundleError {
  if (error instanceof BundleError) return error;
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? cause.message : message;
  return new BundleError(
    `${url} cannot be reached: ${reason}`,
    "Look at this machine's network, or name other sources.",
    {
      cause: error,
    },
  );
}
