import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createLogger, createRegistry, type Environment } from "@wharf/service";
import { onTestFinished } from "vitest";

import { buildService } from "../app.ts";
import { parseConfig } from "../config.ts";
import type { DownloadBody } from "../routes/download-schema.ts";
import { temporaryFolder } from "./folder.ts";

/** What a test lets through the guard, to reach its servers on the loopback. */
export const OPEN_GUARD = { ALLOW_NETWORKS: "127.0.0.0/8", ALLOW_PORTS: "*" } as const;

/** How an answer looked: its status, its body, its headers. */
export interface Answered<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** A downloader in this process, asked without sockets, and the volume it works on. */
export interface TestDownloader {
  readonly directory: string;
  /** Listens, for what needs a socket, and resolves to the URL. */
  listen(): Promise<string>;
  /** @param body what is sent as JSON; a text or bytes are sent as they are */
  ask<T = unknown>(
    method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE",
    url: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answered<T>>;
  /** Submits a download and resolves to it. */
  submit(request: Record<string, unknown>): Promise<DownloadBody>;
  get(id: string): Promise<DownloadBody>;
  /** Resolves to the download once `is` holds for it. */
  until(id: string, is: (download: DownloadBody) => boolean, withinMs?: number): Promise<DownloadBody>;
  /** Submits a download and resolves to it once it has ended. */
  fetch(request: Record<string, unknown>): Promise<DownloadBody>;
  /** The bytes of a published file. */
  read(path: string): Promise<Buffer>;
  /** The names that a client sees at the root of the volume. */
  names(): Promise<string[]>;
  /** The names of the partial files. */
  partials(): Promise<string[]>;
  close(): Promise<void>;
}

/** Starts a downloader on a volume of its own, or on `directory`; ended when the test ends. */
export async function startDownloader(env: Environment = {}, directory?: string): Promise<TestDownloader> {
  const volume = directory ?? (await temporaryFolder());
  const config = parseConfig({
    ...OPEN_GUARD,
    VOLUME_DIR: volume,
    DURABILITY: "relaxed",
    MIN_FREE_BYTES: "0",
    ...env,
  });
  const logger = createLogger({ name: "test", level: env["LOG_LEVEL"] ?? "silent", format: "json" });
  const service = await buildService(config, { logger, registry: createRegistry() });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await service.app.close();
    await service.close();
  };
  onTestFinished(close);

  const ask: TestDownloader["ask"] = async (method, url, body, headers = {}) => {
    const answer = await service.app.inject({
      method,
      url,
      headers,
      ...(body !== undefined && { payload: body as object }),
    });
    return {
      status: answer.statusCode,
      body: (answer.body === "" ? undefined : answer.json()) as never,
      headers: answer.headers,
    };
  };
  const client = createClient(ask, volume);
  const listen = (): Promise<string> => service.app.listen({ host: "127.0.0.1", port: 0 });
  return { ...client, ask, listen, directory: volume, close };
}

/** What tests do with a downloader, wherever it runs. */
export function createClient(
  ask: TestDownloader["ask"],
  directory: string,
): Omit<TestDownloader, "ask" | "listen" | "directory" | "close"> {
  const submit: TestDownloader["submit"] = async (request) => {
    const { status, body } = await ask<DownloadBody>("POST", "/downloads", request);
    if (status !== 201) throw new Error(`submission answered ${status}: ${JSON.stringify(body)}`);
    return body;
  };
  const get = async (id: string): Promise<DownloadBody> =>
    (await ask<DownloadBody>("GET", `/downloads/${id}`)).body;
  const until: TestDownloader["until"] = async (id, is, withinMs = 12_000) => {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const download = await get(id);
      if (is(download)) return download;
      if (performance.now() > deadline) throw new Error(`not in time: ${JSON.stringify(download)}`);
      await sleep(20);
    }
  };
  return {
    submit,
    get,
    until,
    fetch: async (request) => until((await submit(request)).id, isFinished),
    read: (path) => readFile(join(directory, path)),
    names: async () => (await readdir(directory)).filter((name) => name !== ".wharf").toSorted(),
    partials: async () => {
      const names: string[] = await readdir(join(directory, ".wharf", "partial")).catch(() => []);
      return names.toSorted();
    },
  };
}

/** Whether nothing will happen to a download any more. */
export function isFinished({ state }: DownloadBody): boolean {
  return state === "completed" || state === "failed" || state === "canceled";
}
