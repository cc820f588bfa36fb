import { mkdir, readFile, rm, rmdir, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test, vi } from "vitest";

import { startDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";

const MODIFIED = new Date("2020-02-02T02:02:02Z");

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

  test.each([
    ["longer", bytesOf(11), {}],
    ["as long", bytesOf(10, 2), {}],
    [
      "as long, where the source had told its time",
      bytesOf(10, 2),
      { "last-modified": MODIFIED.toUTCString() },
    ],
  ])("leaves what somebody else has put in the file's place: %s", async (_what, theirs, headers) => {
    const origin = await startOrigin((request, response) =>
      serveFile(request, response, bytesOf(10), { headers }),
    );
    const downloader = await startDownloader();
    const { id } = await downloader.fetch({ url: `${origin.url}/x` });
    const path = join(downloader.directory, "x");
    await unlink(path);
    await writeFile(path, theirs);
    // As if it had been some time later.
    const later = new Date(Date.now() + 3_600_000);
    await utimes(path, later, later);
    expect((await downloader.ask("DELETE", `/downloads/${id}?file=true`)).status).toBe(204);
    expect(await readFile(path)).toEqual(theirs);
    expect((await downloader.ask("GET", `/downloads/${id}`)).status).toBe(404);
  });

  test("leaves a directory in the file's place, and a path that leads nowhere", async () => {
    const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(0)));
    const downloader = await startDownloader();
    const [first, second] = [
      await downloader.fetch({ url: `${origin.url}/x` }),
      await downloader.fetch({ url: `${origin.url}/y`, path: "sub" }),
    ];
    await rm(join(downloader.directory, "x"));
    await mkdir(join(downloader.directory, "x"));
    await rm(join(downloader.directory, "sub", "y"));
    await rmdir(join(downloader.directory, "sub"));
    await writeFile(join(downloader.directory, "sub"), "a file");
    for (const { id } of [first, second]) {
      expect((await downloader.ask("DELETE", `/downloads/${id}?file=true`)).status).toBe(204);
    }
    expect(await downloader.names()).toEqual(["sub", "x"]);
  });

  test("takes the file whose time is the source's", async () => {
    const headers = { "last-modified": MODIFIED.toUTCString() };
    const origin = await startOrigin((request, response) =>
      serveFile(request, response, bytesOf(10), { headers }),
    );
    const downloader = await startDownloader();
    const { id } = await downloader.fetch({ url: `${origin.url}/x` });
    expect((await downloader.ask("DELETE", `/downloads/${id}?file=true`)).status).toBe(204);
    expect(await downloader.names()).toEqual([]);
  });

  test("of an unknown one is 404", async () => {
    const downloader = await startDownloader();
    for (const method of ["GET", "DELETE"] as const) {
      for (const id of ["unknown", "%00", "6f2a3c1e-0000-4000-8000-000000000000"]) {
        expect(await downloader.ask(method, `/downloads/${id}`)).toMatchObject({
          status: 404,
          body: { code: "DOWNLOAD_UNKNOWN" },
        });
      }
    }
  });
});
