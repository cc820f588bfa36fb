import { describe, expect, test } from "vitest";

import { LATER, NOWHERE, type Page } from "../testing/api.ts";
import { startDownloader } from "../testing/downloader.ts";

describe("a listing", () => {
  test("is newest first, in pages", async () => {
    const downloader = await startDownloader();
    const requests = Array.from({ length: 5 }, (_, n) => ({ url: `${NOWHERE}?${n}`, notBefore: LATER }));
    await downloader.ask("POST", "/downloads", requests);
    const first = (await downloader.ask<Page>("GET", "/downloads?limit=3")).body;
    const second = (await downloader.ask<Page>("GET", `/downloads?limit=3&cursor=${first.next}`)).body;
    expect([...first.downloads, ...second.downloads].map(({ url }) => url)).toEqual(
      requests.map(({ url }) => url).toReversed(),
    );
    expect(second.next).toBeNull();
    expect(
      (await downloader.ask<Page>("GET", "/downloads?q=BIN%3F4&state=queued")).body.downloads,
    ).toHaveLength(1);
    expect((await downloader.ask<Page>("GET", "/downloads?state=failed")).body.downloads).toEqual([]);
  });

  test.each(["queued", "running", "paused", "completed", "failed", "canceled"])(
    "may be of those that are %s",
    async (state) => {
      const downloader = await startDownloader();
      const { id } = await downloader.submit({ url: NOWHERE, notBefore: LATER });
      if (state === "paused" || state === "canceled") {
        await downloader.ask("PATCH", `/downloads/${id}`, { state });
      }
      const { status, body } = await downloader.ask<Page>("GET", `/downloads?state=${state}`);
      expect(status).toBe(200);
      const isThere = state === "queued" || state === "paused" || state === "canceled";
      expect(body.downloads.map((each) => each.id)).toEqual(isThere ? [id] : []);
    },
  );

  test.each([
    "limit=0",
    "limit=1001",
    "limit=x",
    "state=lost",
    "cursor=!",
    "cursor=eHg",
    "q=%00",
    "q=a%0Ab",
    "q=%7F",
  ])("with %s is refused", async (query) => {
    const downloader = await startDownloader();
    expect(await downloader.ask("GET", `/downloads?${query}`)).toMatchObject({
      status: 400,
      body: { code: "INVALID_REQUEST" },
    });
  });
});
