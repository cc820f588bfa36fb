import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Volume } from "@wharf/volume";
import { expect, onTestFinished, test } from "vitest";

import { temporaryFolder } from "../testing/folder.ts";
import { emptyPoint, newDownload } from "../testing/new-download.ts";
import { openStore } from "./store/open-store.ts";
import { sweepPartials } from "./sweep.ts";

test("partial files go when no unfinished download needs them, and stay when one does", async () => {
  const directory = await temporaryFolder();
  const volume = await Volume.open({ directory, isDurable: false, minFreeBytes: 0, strayAgeMs: 0 });
  const store = await openStore({ file: volume.statePath("downloads.sqlite"), isDurable: false });
  onTestFinished(async () => {
    await store.close();
    await volume.close();
  });
  const point = emptyPoint();
  const claim = async () => {
    const claimed = await store.claim({ worker: "x", leaseMs: 60_000, busyHosts: [] });
    if (!claimed) throw new Error("nothing to claim");
    return claimed.download;
  };
  await store.insert([
    newDownload({ priority: 3 }),
    newDownload({ priority: 2 }),
    newDownload({ priority: 1 }),
  ]);
  const done = await claim();
  await store.complete(done, "/x", 0);
  const waiting = await claim();
  await store.record(waiting, { ...point, partial: `${waiting.id}.1` });
  await store.retry(waiting, { code: "X", detail: "" }, { afterMs: 60_000, failures: 1 });
  const running = await claim();
  await store.record(running, { ...point, partial: `${running.id}.0` });

  const needed = [
    `${waiting.id}.1`,
    `${running.id}.0.seized`,
    `${running.id}.1`,
    `${running.id}.1~`,
    `${running.id}.1.2`,
  ];
  const stray = [
    `${done.id}.1`,
    `${waiting.id}.0`,
    `${running.id}.9`,
    "gone.1",
    "gone.1.seized",
    "no name of ours",
  ];
  const folder = join(directory, ".wharf", "partial");
  await mkdir(folder, { recursive: true });
  for (const name of [...needed, ...stray]) await writeFile(join(folder, name), "");

  expect(await sweepPartials(volume.partials, store)).toBe(stray.length);
  expect((await readdir(folder)).toSorted()).toEqual(needed.toSorted());
  expect(await sweepPartials(volume.partials, store)).toBe(0);
});
