import { describe, expect, test, vi } from "vitest";

import { startDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";

describe("a removal", () => {
  test("of a download that runs ends it within a second, and leaves nothing", async () => {
    let isOpen = true;
    const origin = await startOrigin((request, response) => {
      response.on("close", () => (isOpen = false));
      return serveFile(request, response, bytesOf(1 << 20), { slowly: { bytes: 1024, everyMs: 20 } });
    });
    const downloader = await startDownloader();
    const { id } = await downloader.submit({ url: `${origin.url}/x` });
    await downloader.until(id, ({ bytes }) => bytes > 0);
    expect((await downloader.ask("DELETE", `/downloads/${id}`)).status).toBe(204);
    expect((await downloader.ask("GET", `/downloads/${id}`)).status).toBe(404);
    await vi.waitFor(() => expect(isOpen).toBe(false), 1_100);
    await vi.waitFor(async () => expect(await downloader.partials()).toEqual([]));
    expect(await downloader.names()).toEqual([]);
  });

  test("of one that is completed leaves the file, unless it is to go too", async () => {
    const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(10)));
    const downloader = await startDownloader();
    const kept = await downloader.fetch({ url: `${origin.url}/kept` });
    const gone = await downloader.fetch({ url: `${origin.url}/gone` });
    expect((await downloader.ask("DELETE", `/downloads/${kept.id}`)).status).toBe(204);
    expect((await downloader.ask("DELETE", `/downloads/${gone.id}?file=true`)).status).toBe(204);
    expect(await downloader.names()).toEqual(["kept"]);
  });

  test("of one whose file has gone is no error", async () => {
    const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(10)));
    const downloader = await startDownloader();
    const [first, second] = [
      await downloader.fetch({ url: `${origin.url}/x` }),
      await downloader.fetch({ url: `${origin.url}/x`, onConflict: "overwrite" }),
    ];
    for (const { id } of [first, second]) {
      expect((await downloader.ask("DELETE", `/downloads/${id}?file=true`)).status).toBe(204);
    }
    expect(await downloader.names()).toEqual([]);
  });

  test("of an unknown one is 404", async () => {
    const downloader = await startDownloader();
    for (const method of ["GET", "DELETE"] as const) {
      expect(await downloader.ask(method, "/downloads/unknown")).toMatchObject({
        status: 404,
        body: { code: "DOWNLOAD_UNKNOWN" },
      });
    }
  });
});
