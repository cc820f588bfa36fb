import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test, vi } from "vitest";

import { openStore } from "../downloads/store/open-store.ts";
import { startDownloader, type TestDownloader } from "../testing/downloader.ts";
import { readEvents } from "../testing/event-reader.ts";
import { temporaryFolder } from "../testing/folder.ts";
import { newDownload } from "../testing/new-download.ts";

/** A downloader beside which so many downloads run, on a replica that says nothing of how far they are. */
async function startBeside(
  count: number,
  url: string,
): Promise<{ downloader: TestDownloader; ids: string[] }> {
  const directory = await temporaryFolder();
  await mkdir(join(directory, ".wharf"));
  const store = await openStore({ file: join(directory, ".wharf", "downloads.sqlite"), isDurable: false });
  onTestFinished(() => store.close());
  const inserted = await store.insert(Array.from({ length: count }, () => newDownload({ url })));
  for (const _ of inserted) await store.claim({ worker: "elsewhere", leaseMs: 600_000, busyHosts: [] });
  return { downloader: await startDownloader({}, directory), ids: inserted.map(({ id }) => id) };
}

test("only the last of those that run has an id: whoever is cut off before it begins anew", async () => {
  const { downloader, ids } = await startBeside(5, "https://example.com/");
  const url = `${await downloader.listen()}/downloads/events`;
  const reader = await readEvents(url);
  await vi.waitFor(() => expect(reader.events()).toHaveLength(5));
  expect(new Set(reader.events().map(({ data }) => data.id))).toEqual(new Set(ids));
  expect(reader.events().map(({ id }) => id !== "")).toEqual([false, false, false, false, true]);
  expect(reader.text().match(/^id:/gm)).toHaveLength(1);
  const again = await readEvents(url, reader.events()[4]?.id);
  await downloader.ask("PATCH", `/downloads/${ids[2]}`, { priority: 1 });
  expect((await again.until(() => true)).data.id).toBe(ids[2]);
});

test("however many run, and however long their URLs are, all of them are told", async () => {
  const { downloader, ids } = await startBeside(450, `https://example.com/?${"x".repeat(8000)}`);
  const reader = await readEvents(`${await downloader.listen()}/downloads/events`);
  await vi.waitFor(() => expect(reader.events()).toHaveLength(450), 10_000);
  expect(new Set(reader.events().map(({ data }) => data.id))).toEqual(new Set(ids));
  await downloader.ask("PATCH", `/downloads/${ids[0]}`, { priority: 1 });
  await reader.until(({ id, data }) => id !== "" && data.id === ids[0] && data.priority === 1);
}, 30_000);
