import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { UnavailableError, Volume, VolumePath } from "@wharf/volume";
import { Agent } from "undici";
import { expect, onTestFinished, test } from "vitest";

import { attemptContext, claimBriefly } from "../testing/attempts.ts";
import { temporaryFolder } from "../testing/folder.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";
import { newDownload } from "../testing/store-contract.ts";
import { Attempt } from "./attempt.ts";
import type { OnConflict } from "./download.ts";
import { LeaseLostError } from "./errors.ts";
import { openStore } from "./store/open-store.ts";
import type { Claim, DownloadStore } from "./store.ts";
import { WorkingFile } from "./working-file.ts";

const RULES: readonly OnConflict[] = ["rename", "fail", "overwrite"];
const BODY = bytesOf(1000);

/** A volume and a store, without a worker: the tests are the workers, and stop where they like. */
async function start() {
  const directory = await temporaryFolder();
  const volume = await Volume.open({ directory, isDurable: false, minFreeBytes: 0, strayAgeMs: 0 });
  const store = await openStore({ file: volume.statePath("downloads.sqlite"), isDurable: false });
  const dispatcher = new Agent();
  onTestFinished(async () => {
    await dispatcher.destroy();
    await store.close();
    await volume.close();
  });
  const origin = await startOrigin((request, response) => serveFile(request, response, BODY));
  const context = attemptContext(volume, store, dispatcher);
  const submit = (onConflict: OnConflict) =>
    store.insert([newDownload({ url: `${origin.url}/a.bin`, onConflict })]);
  const claim = (): Promise<Claim> => claimBriefly(store);
  const run = (claimed: Claim) => new Attempt(context, claimed, new AbortController().signal).run();
  const names = async () => (await readdir(directory)).filter((name) => name !== ".wharf");
  const read = (name: string) => readFile(join(directory, name));
  return { directory, volume, store, origin, submit, claim, run, names, read };
}

const FACTS = { validator: '"v1"', total: BODY.length, digest: null, name: "a.bin", modifiedMs: null };

/** Writes what an attempt would have received. */
async function write(file: WorkingFile, bytes: Buffer): Promise<void> {
  const sink = file.sink(0, () => 1);
  sink.push(Buffer.from(bytes));
  await sink.flush();
}

/** Does what an attempt does, up to its publication. */
async function upToPublication(volume: Volume, store: DownloadStore, claim: Claim): Promise<WorkingFile> {
  const file = await WorkingFile.open(volume, store, claim);
  await file.startOver(FACTS);
  await write(file, BODY);
  await file.save();
  await file.finish();
  await file.offer("/a.bin");
  return file;
}

const publish = (file: WorkingFile, replace: boolean) =>
  file.staged.publish(VolumePath.parse("/a.bin"), { keepStaged: true, replace });

test.each(RULES)(
  "dead between publication and record, its file is not published again (%s)",
  async (rule) => {
    const { volume, store, origin, submit, claim, run, names } = await start();
    const [download] = await submit(rule);
    const file = await upToPublication(volume, store, await claim());
    await publish(file, rule === "overwrite");
    await file.close();

    await run(await claim());

    expect(await store.get(download?.id ?? "")).toMatchObject({
      state: "completed",
      file: "/a.bin",
      bytes: 1000,
    });
    expect(await names()).toEqual(["a.bin"]);
    expect(origin.requests).toHaveLength(0);
  },
);

test.each(RULES)(
  "dead just before publication, its file is published without being fetched again (%s)",
  async (rule) => {
    const { volume, store, origin, submit, claim, run, names, read } = await start();
    await submit(rule);
    await (await upToPublication(volume, store, await claim())).close();

    await run(await claim());

    expect(await names()).toEqual(["a.bin"]);
    expect(await read("a.bin")).toEqual(BODY);
    expect(origin.requests).toHaveLength(0);
  },
);

test.each(RULES)(
  "asleep just before publication, it publishes nothing once taken over (%s)",
  async (rule) => {
    const { volume, store, submit, claim, run, names } = await start();
    await submit(rule);
    const asleep = await upToPublication(volume, store, await claim());
    const successor = await claim();
    await run(successor);
    const [first] = await names();

    await expect(publish(asleep, true)).rejects.toThrow(UnavailableError);
    await expect(asleep.offer("/b.bin")).rejects.toThrow(LeaseLostError);
    await asleep.close();
    expect(await names()).toEqual([first]);
  },
);

test("dead between taking over and recording it, the next one finds everything", async () => {
  const { volume, store, origin, submit, claim, run, names, read } = await start();
  await submit("rename");
  const first = await claim();
  await (await upToPublication(volume, store, first)).close();
  const { resume } = (await store.get(first.download.id)) ?? first.download;
  await claim();
  await volume.partials.seize(resume.partial ?? ""); // and dies

  await run(await claim());

  expect(await names()).toEqual(["a.bin"]);
  expect(await read("a.bin")).toEqual(BODY);
  expect(origin.requests).toHaveLength(0);
});

test("a partial file that is gone is no loss but of time", async () => {
  const { volume, store, origin, submit, claim, run, read } = await start();
  await submit("rename");
  await (await upToPublication(volume, store, await claim())).staged.discard();

  await run(await claim());

  expect(await read("a.bin")).toEqual(BODY);
  expect(origin.requests).toHaveLength(1);
});

test("what was let go of is gone on with in place; what was not, in a file of its own", async () => {
  const { directory, volume, store, submit, claim } = await start();
  await submit("rename");
  const first = await claim();
  const held = await WorkingFile.open(volume, store, first);
  await held.startOver(FACTS);
  await write(held, BODY.subarray(0, 600));
  await held.save();
  const heldInode = (await stat(join(directory, ".wharf/partial", held.point.partial ?? ""))).ino;
  await held.close();
  await store.release(first.download);
  const second = await WorkingFile.open(volume, store, await claim());
  expect(second.staged.fd).toBeGreaterThan(0);
  expect(await volume.partials.names()).toEqual([second.point.partial]);
  const inode = async (name: string | null) =>
    (await stat(join(directory, ".wharf/partial", name ?? ""))).ino;
  expect(await inode(second.point.partial)).toBe(heldInode);
  const third = await WorkingFile.open(volume, store, await claim());
  expect(await inode(third.point.partial)).not.toBe(heldInode);
  expect(third.written).toEqual([{ start: 0, end: 600 }]);
  expect(await volume.partials.names()).toEqual([third.point.partial]);
  await Promise.all([second.close(), third.close()]);
});

test("what a killed worker had written counts, recorded or not, as long as the machine runs", async () => {
  const { volume, store, submit, claim } = await start();
  await submit("rename");
  const total = 4 << 20;
  const killed = await WorkingFile.open(volume, store, await claim());
  await killed.startOver({ ...FACTS, total });
  await write(killed, Buffer.alloc(1 << 20, "a"));
  await killed.close(); // as its end by a signal would have

  const successor = await WorkingFile.open(volume, store, await claim());
  expect(successor.written).toEqual([{ start: 0, end: 1 << 20 }]);
  const other = await WorkingFile.open(volume, store, await claim());
  expect(other.written).toEqual([{ start: 0, end: 1 << 20 }]);
  await Promise.all([successor.close(), other.close()]);
});

test("a file that a lost worker has not recorded is removed by its successor", async () => {
  const { volume, store, submit, claim, run, names } = await start();
  await submit("rename");
  const killed = await WorkingFile.open(volume, store, await claim());
  await killed.startOver(FACTS);
  expect(await volume.partials.names()).toHaveLength(1);
  const successor = await claim();
  await run(successor);
  const { id, epoch } = successor.download;
  expect(await volume.partials.names()).toEqual([expect.stringMatching(`^${id}\\.${epoch}\\.`)]);
  expect(await names()).toEqual(["a.bin"]);
  await killed.close();
});
