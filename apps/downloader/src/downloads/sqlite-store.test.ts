import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { describe, expect, onTestFinished, test } from "vitest";

import { temporaryFolder } from "../testing/folder.ts";
import { newDownload, testStore } from "../testing/store-contract.ts";
import { SQL } from "./sqlite-statements.ts";
import { SqliteStore } from "./sqlite-store.ts";

async function temporaryFile(): Promise<string> {
  return join(await temporaryFolder(), "state", "downloads.sqlite");
}

describe("SQLite is a store of downloads", () => {
  testStore(async () => {
    const file = await temporaryFile();
    const again = (): Promise<SqliteStore> => SqliteStore.open({ file, isDurable: false });
    return { store: await again(), again };
  });
});

test("replicas that start together find one schema", async () => {
  const file = await temporaryFile();
  const stores = await Promise.all(
    Array.from({ length: 8 }, () => SqliteStore.open({ file, isDurable: true })),
  );
  for (const store of stores) {
    expect(await store.insert([newDownload()])).toHaveLength(1);
    await store.close();
  }
});

test("a database whose file is gone is not fit for use", async () => {
  const file = await temporaryFile();
  const store = await SqliteStore.open({ file, isDurable: false });
  onTestFinished(() => store.close());
  await rm(file);
  await expect(store.check()).rejects.toThrow(/ENOENT/);
});

test("when one of several cannot be put in, none is, and the store goes on", async () => {
  const file = await temporaryFile();
  const store = await SqliteStore.open({ file, isDurable: false });
  onTestFinished(() => store.close());
  const other = new DatabaseSync(file);
  onTestFinished(() => other.close());
  other.exec(
    "CREATE TRIGGER two BEFORE INSERT ON downloads WHEN new.priority = 2 BEGIN SELECT raise(ABORT, 'two'); END",
  );
  await expect(store.insert([newDownload(), newDownload({ priority: 2 })])).rejects.toThrow(/two/);
  other.exec("DROP TRIGGER two");
  expect((await store.stats()).states.queued).toBe(0);
  expect(await store.insert([newDownload()])).toHaveLength(1);
});

test("a backlog of 100,000 is claimed from as fast as one of 1,000", { timeout: 60_000 }, async () => {
  const file = await temporaryFile();
  const store = await SqliteStore.open({ file, isDurable: false });
  onTestFinished(() => store.close());
  const insert = async (count: number): Promise<void> => {
    await store.insert(Array.from({ length: count }, (_, n) => newDownload({ priority: n % 7 })));
  };
  const claimMs = async (): Promise<number> => {
    const times: number[] = [];
    for (let n = 0; n < 50; n++) {
      const start = performance.now();
      expect(await store.claim({ worker: "x", leaseMs: 60_000, busyHosts: ["busy"] })).toBeDefined();
      times.push(performance.now() - start);
    }
    return times.toSorted((a, b) => a - b)[25] ?? 0;
  };
  await insert(1_000);
  const few = await claimMs();
  await insert(99_000);
  const many = await claimMs();
  // Generous, for a busy machine: a scan would take a hundred times as long.
  expect(many).toBeLessThan(few * 5 + 1);
});

test("a claim reads the queue from its index, and sorts nothing but its two finds", async () => {
  const file = await temporaryFile();
  await (await SqliteStore.open({ file, isDurable: false })).close();
  const database = new DatabaseSync(file);
  onTestFinished(() => database.close());
  const plan = database
    .prepare(`EXPLAIN QUERY PLAN ${SQL.claim}`)
    .all({ now: 0, worker: "", leaseUntil: 0, busyHosts: "[]" })
    .map((row) => String(row["detail"]));
  expect(plan).toContainEqual(expect.stringMatching(/downloads USING COVERING INDEX downloads_queue/));
  expect(plan).toContainEqual(expect.stringMatching(/SEARCH downloads USING INDEX downloads_leases/));
  expect(plan.filter((line) => line === "SCAN downloads")).toEqual([]);
});
