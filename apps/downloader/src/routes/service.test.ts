import { describe, expect, test } from "vitest";

import { startDownloader } from "../testing/downloader.ts";

interface Operation {
  readonly parameters: readonly { readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

describe("the service itself", () => {
  test("is ready, described, and shows its description first", async () => {
    const downloader = await startDownloader();
    expect((await downloader.ask("GET", "/readyz")).status).toBe(200);
    const { body } = await downloader.ask<{ openapi: string; paths: Record<string, unknown> }>(
      "GET",
      "/openapi.json",
    );
    expect(body.openapi).toBe("3.1.0");
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        "/downloads",
        "/downloads/events",
        "/downloads/{id}",
        "/downloads/{id}/events",
        "/stats",
      ]),
    );
  });

  test("describes what each body may be written in, and what follows it", async () => {
    const downloader = await startDownloader();
    const { body } = await downloader.ask<Description>("GET", "/openapi.json");
    const contents = (path: string, method: string): string[] =>
      Object.keys(body.paths[path]?.[method]?.requestBody?.content ?? {});
    const lists = ["text/uri-list", "text/plain", "application/metalink4+xml"];
    expect(contents("/downloads", "post")).toEqual(["application/json", ...lists]);
    expect(contents("/downloads", "put")).toEqual(lists);
    expect(contents("/downloads/{id}", "patch")).toEqual([
      "application/json",
      "application/merge-patch+json",
    ]);
    expect(body.paths["/downloads/events"]?.["get"]?.responses["200"]?.content).toHaveProperty([
      "text/event-stream",
    ]);
    const parameters = body.paths["/downloads"]?.["post"]?.parameters.map(({ name }) => name);
    expect(parameters).toEqual(expect.arrayContaining(["path", "onConflict", "idempotency-key"]));
  });

  test("counts", async () => {
    const downloader = await startDownloader();
    expect((await downloader.ask("GET", "/stats")).body).toEqual({
      states: { queued: 0, running: 0, paused: 0, completed: 0, failed: 0, canceled: 0 },
      bytes: 0,
      speed: 0,
    });
  });
});
