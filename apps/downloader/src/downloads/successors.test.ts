import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Volume } from "@wharf/volume";
import { Agent } from "undici";
import { expect, onTestFinished, test } from "vitest";

import { attemptContext, claimBriefly } from "../testing/attempts.ts";
import { temporaryFolder } from "../testing/folder.ts";
import { newDownload } from "../testing/new-download.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";
import { Attempt } from "./attempt.ts";
import { LeaseLostError } from "./errors.ts";
import { openStore } from "./store/open-store.ts";

const BODY = bytesOf(8 << 20);

/** One download, and as many workers as a test wants, each with a volume of its own as a process would have. */
async function start() {
  const directory = await temporaryFolder();
  const store = await openStore({ file: join(directory, ".wharf/downloads.sqlite"), isDurable: false });
  const dispatcher = new Agent();
  onTestFinished(async () => {
    await dispatcher.destroy();
    await store.close();
  });
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, BODY, { slowly: { bytes: 64 << 10, everyMs: 10 } }),
  );
  await store.insert([newDownload({ url: `${origin.url}/a.bin` })]);
  const work = async (volume: Volume) => {
    const stop = new AbortController();
    const context = attemptContext(volume, store, dispatcher);
    const attempt = new Attempt(context, await claimBriefly(store), stop.signal);
    return {
      over: attempt.run().catch((error: unknown) => error),
      loseLease: () => stop.abort(new LeaseLostError()),
    };
  };
  const published = async (): Promise<Buffer> => {
    const [row] = (await store.list({ limit: 1 })).downloads;
    expect(row).toMatchObject({ state: "completed", bytes: BODY.length });
    return readFile(join(directory, row?.file ?? ""));
  };
  const openVolume = () => Volume.open({ directory, isDurable: false, minFreeBytes: 0, strayAgeMs: 0 });
  return { openVolume, work, published, requests: origin.requests };
}

test.each(["before", "after"])(
  "of two successors of a dead worker, the first stopped just %s it takes the file, one goes on in it, and alone",
  async (moment) => {
    const { openVolume, work, published } = await start();
    const [dead, asleep, awake] = [await openVolume(), await openVolume(), await openVolume()];
    const first = await work(dead);
    await sleep(500);
    first.loseLease();
    await first.over;
    await dead.close(); // and with it the lock that said it lives

    const wake = Promise.withResolvers<void>();
    const take = asleep.partials.take.bind(asleep.partials);
    asleep.partials.take = async (...args) => {
      if (moment === "before") await wake.promise;
      const file = await take(...args);
      await wake.promise;
      return file;
    };
    const second = await work(asleep);
    await sleep(100);
    const third = await work(awake);
    await sleep(300);
    wake.resolve();
    await sleep(200);
    second.loseLease();

    expect(await second.over).toBeInstanceOf(LeaseLostError);
    expect(await third.over).toBeUndefined();
    expect((await published()).equals(BODY)).toBe(true);
    await Promise.all([asleep.close(), awake.close()]);
  },
);

test("a successor whose file another one has just taken, and cannot go on with, continues with its bytes", async () => {
  const { openVolume, work, published, requests } = await start();
  const [dead, late, current] = [await openVolume(), await openVolume(), await openVolume()];
  const first = await work(dead);
  await sleep(500);
  first.loseLease();
  await first.over;
  await dead.close();

  // Both have looked for the file before either takes it; the one whose claim is over is the faster.
  const isThere = Promise.withResolvers<void>();
  const isTaken = Promise.withResolvers<void>();
  const isLost = Promise.withResolvers<void>();
  const [takeLate, takeCurrent] = [late, current].map(({ partials }) => partials.take.bind(partials));
  late.partials.take = async (...args) => {
    await isThere.promise;
    const file = await takeLate?.(...args);
    isTaken.resolve();
    await isLost.promise;
    return file;
  };
  current.partials.take = async (...args) => {
    isThere.resolve();
    await isTaken.promise;
    return takeCurrent?.(...args);
  };
  const second = await work(late);
  await sleep(100);
  const third = await work(current);

  expect(await third.over).toBeUndefined();
  isLost.resolve();
  expect(await second.over).toBeInstanceOf(LeaseLostError);
  expect(requests.at(-1)?.headers["range"]).toMatch(/^bytes=[1-9]/);
  expect((await published()).equals(BODY)).toBe(true);
  await Promise.all([late.close(), current.close()]);
});
