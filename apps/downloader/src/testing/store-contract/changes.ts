import { describe, expect, test } from "vitest";

import type { DownloadState } from "../../downloads/download.ts";
import { StateConflictError } from "../../downloads/errors.ts";
import type { Change } from "../../downloads/store.ts";
import { POINT, type Fixture, type Open } from "./fixture.ts";

const SOURCE = { url: "https://fresh.example/a", host: "fresh.example" };
const FAILURE = { code: "X", detail: "x" };

/** For each change and each state it finds: the state after it, or that there is none. */
const TRANSITIONS: [string, Change, Partial<Record<DownloadState, DownloadState>>][] = [
  ["pause", { state: "paused" }, { queued: "paused", running: "paused", paused: "paused" }],
  [
    "queue",
    { state: "queued" },
    { queued: "queued", paused: "queued", failed: "queued", canceled: "queued" },
  ],
  [
    "cancel",
    { state: "canceled" },
    { queued: "canceled", running: "canceled", paused: "canceled", failed: "canceled", canceled: "canceled" },
  ],
  [
    "another URL",
    { source: SOURCE },
    { queued: "queued", running: "queued", paused: "paused", failed: "queued", canceled: "queued" },
  ],
  [
    "another URL, queued",
    { source: SOURCE, state: "queued" },
    { queued: "queued", running: "queued", paused: "queued", failed: "queued", canceled: "queued" },
  ],
  [
    "another URL, paused",
    { source: SOURCE, state: "paused" },
    { queued: "paused", running: "paused", paused: "paused", failed: "paused", canceled: "paused" },
  ],
  [
    "priority",
    { priority: 7 },
    { queued: "queued", running: "running", paused: "paused", failed: "failed", canceled: "canceled" },
  ],
];
const STATES: DownloadState[] = ["queued", "running", "paused", "completed", "failed", "canceled"];
const CASES = TRANSITIONS.flatMap(([name, change, after]) =>
  STATES.map((before) => ({ name, change, before, after: after[before] })),
);
const ALLOWED = CASES.filter(({ after }) => after !== undefined);
const REFUSED = CASES.filter(({ after }) => after === undefined);

/** What a client may change, and when. */
export function testChanges(open: Open): void {
  describe("a client's change", () => {
    test.each(ALLOWED)("$name: $before to $after", async ({ change, before, after }) => {
      const fixture = await open();
      const id = await bringTo(fixture, before);
      const present = await fixture.store.get(id);
      const changed = await fixture.store.change(id, change);
      expect(changed).toMatchObject({ state: after, ...change.source });
      expect(changed?.epoch).toBe(present?.epoch);
      expect(await fixture.store.get(id)).toEqual(changed);
    });

    test.each(REFUSED)("$name: not of one that is $before", async ({ change, before }) => {
      const fixture = await open();
      const id = await bringTo(fixture, before);
      const present = await fixture.store.get(id);
      await expect(fixture.store.change(id, change)).rejects.toThrow(StateConflictError);
      expect(await fixture.store.get(id)).toEqual(present);
    });

    test("of a download that is not there resolves to nothing", async () => {
      const { store } = await open();
      expect(await store.change("unknown", { state: "paused" })).toBeUndefined();
      expect(await store.change("\0", { state: "paused" })).toBeUndefined();
    });

    test("says why it cannot be made", async () => {
      const fixture = await open();
      const done = await bringTo(fixture, "completed");
      await expect(fixture.store.change(done, { state: "queued" })).rejects.toThrow(/is completed;/);
      const running = await bringTo(fixture, "running");
      await expect(fixture.store.change(running, { state: "queued" })).rejects.toThrow(/is running already;/);
      const failed = await bringTo(fixture, "failed");
      await expect(fixture.store.change(failed, { state: "paused" })).rejects.toThrow(/is failed;/);
    });

    test("of priority and speed limit changes these alone, and takes a limit away", async () => {
      const fixture = await open();
      const id = await fixture.insert({ speedLimit: 5 });
      const before = await fixture.store.get(id);
      expect(await fixture.store.change(id, { priority: 3 })).toEqual({ ...before, priority: 3 });
      const limited = { ...before, priority: 3, speedLimit: 9 };
      expect(await fixture.store.change(id, { speedLimit: 9 })).toEqual(limited);
      expect(await fixture.store.change(id, { speedLimit: null })).toEqual({ ...limited, speedLimit: null });
    });

    test("into the queue is now, and a fresh start with what was received", async () => {
      const fixture = await open();
      const download = await fixture.running();
      await fixture.store.record(download, POINT);
      await fixture.store.retry(download, FAILURE, { afterMs: 60_000, failures: 4 });
      expect(await fixture.claim()).toBeUndefined();
      expect(await fixture.store.change(download.id, { state: "queued" })).toMatchObject({
        notBefore: null,
        error: null,
        resume: { ...POINT, failures: 0 },
      });
      await fixture.store.fail(await fixture.claimed(), FAILURE);
      expect(await fixture.store.change(download.id, { state: "queued" })).toMatchObject({
        endedAt: null,
        error: null,
        resume: POINT,
      });
      expect(await fixture.claim()).toMatchObject({ isTakenOver: false, download: { resume: POINT } });
    });

    test("of the URL alone leaves a wait as it is", async () => {
      const fixture = await open();
      const notBefore = Date.now() + 60_000;
      const id = await fixture.insert({ notBefore });
      expect(await fixture.store.change(id, { source: SOURCE })).toMatchObject({ ...SOURCE, notBefore });
    });

    test.each([
      ["to the same origin", "https://example.com/b?c", true],
      ["to the same origin, named with its port", "https://example.com:443/b", true],
      ["to another host", "https://example.com.evil.example/a.bin", false],
      ["to another port", "https://example.com:8443/a.bin", false],
      ["to another scheme", "http://example.com/a.bin", false],
    ])("of the URL %s: whether the headers go with it", async (_where, url, areKept) => {
      const fixture = await open();
      const headers = { authorization: "Bearer secret" };
      const id = await fixture.insert({ url: "https://example.com/a.bin", headers });
      await fixture.store.change(id, { priority: 1 });
      expect((await fixture.store.get(id))?.headers).toEqual(headers);
      const changed = await fixture.store.change(id, { source: { url, host: new URL(url).host } });
      expect(changed?.headers).toEqual(areKept ? headers : {});
    });

    test("that cancels tells when, once, and shows what is to be cleared away", async () => {
      const fixture = await open();
      const download = await fixture.running();
      await fixture.store.record(download, POINT);
      const canceled = await fixture.store.change(download.id, { state: "canceled" });
      expect(canceled?.resume.partial).toBe("p");
      expect(canceled?.endedAt).not.toBeNull();
      expect(await fixture.store.change(download.id, { state: "canceled" })).toEqual(canceled);
    });

    test("of what runs: nobody else gets it before its worker lets go", async () => {
      const fixture = await open();
      const download = await fixture.running();
      await fixture.store.change(download.id, { source: SOURCE });
      expect(await fixture.claim()).toBeUndefined();
      expect(await fixture.claim(["busy"])).toBeUndefined();
      expect(await fixture.store.letGo(download, POINT)).toBe(true);
      expect(await fixture.claim()).toMatchObject({
        isTakenOver: false,
        download: { ...SOURCE, epoch: 2, resume: POINT },
      });
    });

    test("of what runs, whose worker died: it is taken over, and nobody's failure", async () => {
      const fixture = await open();
      const download = await fixture.running();
      await fixture.store.change(download.id, { state: "paused" });
      await fixture.expire();
      expect(await fixture.claim()).toBeUndefined();
      await fixture.store.change(download.id, { state: "queued" });
      expect(await fixture.claim()).toMatchObject({
        isTakenOver: true,
        download: { resume: { failures: 0 } },
      });
    });

    test("that any number of clients make at once is made by one after the other", async () => {
      const fixture = await open();
      const id = await fixture.insert();
      const other = await fixture.again();
      const changes: Change[] = [
        { state: "paused" },
        { state: "queued" },
        { state: "canceled" },
        { priority: 4 },
      ];
      const results = await Promise.allSettled(
        Array.from({ length: 40 }, (_, n) =>
          (n % 2 ? other : fixture.store).change(id, changes[n % 4] ?? {}),
        ),
      );
      const refusals = results.flatMap((result) =>
        result.status === "rejected" ? [result.reason as unknown] : [],
      );
      expect(refusals.filter((reason) => !(reason instanceof StateConflictError))).toEqual([]);
      expect(await fixture.store.get(id)).toMatchObject({ priority: 4, attempts: 0 });
    });
  });
}

/** Puts a download in, and brings it into a state as it comes about. */
async function bringTo(fixture: Fixture, state: DownloadState): Promise<string> {
  const { store } = fixture;
  if (state === "running" || state === "completed" || state === "failed") {
    const download = await fixture.running();
    if (state === "completed") await store.complete(download, "/x", 1);
    if (state === "failed") await store.fail(download, FAILURE);
    return download.id;
  }
  const id = await fixture.insert();
  if (state !== "queued") await store.change(id, { state });
  return id;
}
