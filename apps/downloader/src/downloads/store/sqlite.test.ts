import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { describe, expect, onTestFinished, test } from "vitest";

import { temporaryFolder } from "../../testing/folder.ts";
import { newDownload } from "../../testing/new-download.ts";
import { testStore } from "../../testing/store-contract.ts";
import type { DownloadStore } from "../store.ts";
import { SQLITE } from "./dialects.ts";
import { openStore } from "./open-store.ts";
import { SQLITE_MIGRATIONS } from "./sqlite-schema.ts";
import { createStatements } from "./statements.ts";

async function temporaryFile(): Promise<string> {
  return join(await temporaryFolder(), "state", "downloads.sqlite");
}

function openRaw(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  onTestFinished(() => database.close());
  return database;
}

async function openTestStore(file: string, isDurable = false): Promise<DownloadStore> {
  const store = await openStore({ file, isDurable });
  onTestFinished(() => store.close());
  return store;
}

describe.each([
  ["relaxed", false],
  ["durable", true],
])("SQLite is a store of downloads, %s", (_name, isDurable) => {
  testStore(async () => {
    const file = await temporaryFile();
    const again = (): Promise<DownloadStore> => openStore({ file, isDurable });
    const store = await again();
    return { store, again, execute: async (sql) => openRaw(file).exec(sql) };
  });
});

test("replicas that start together find one schema", async () => {
  const file = await temporaryFile();
  const stores = await Promise.all(Array.from({ length: 8 }, () => openTestStore(file, true)));
  for (const store of stores) expect(await store.insert([newDownload()])).toHaveLength(1);
});

test("a database of the release before is brought up to date, and what it had received is kept", async () => {
  const file = join(await temporaryFolder(), "downloads.sqlite");
  const old = openRaw(file);
  old.exec(`PRAGMA journal_mode = WAL; ${SQLITE_MIGRATIONS[0]}; PRAGMA user_version = 1`);
  const insert = old.prepare(`
    INSERT INTO downloads (id, url, host, path, on_conflict, headers, priority, not_before, state, created_at, bytes,
      partial, durable_bytes, worker, epoch, lease_until)
    VALUES (?, 'https://example.com/a', 'example.com', '/', 'rename', '{}', 0, 0, ?, 5, 9, ?, ?, ?, 1, 1)`);
  insert.run("waiting", "queued", "waiting.1", 7, null);
  insert.run("running", "running", "running.1", 8, "dead");
  insert.run("fresh", "queued", null, 0, null);
  insert.run("done", "completed", null, 0, null);

  const store = await openTestStore(file);
  expect(await store.get("waiting")).toMatchObject({
    mirrors: [],
    size: null,
    webhook: null,
    connections: 0,
    resume: { partial: "waiting.1", durable: [{ start: 0, end: 7 }] },
  });
  expect((await store.get("fresh"))?.resume.durable).toEqual([]);
  expect(await store.changes({ revision: 0, sequence: 0 }, 10)).toHaveLength(4);
  const claims = [];
  for (let n = 0; n < 4; n++) claims.push(await store.claim({ worker: "x", leaseMs: 60_000, busyHosts: [] }));
  expect(claims.map((claim) => claim?.download.id)).toEqual(["waiting", "running", "fresh", undefined]);
  expect(claims.map((claim) => claim?.isTakenOver)).toEqual([false, true, false, undefined]);
  expect(claims[0]?.download.pieces).toBeNull();
  expect(claims[1]?.download.resume.durable).toEqual([{ start: 0, end: 8 }]);

  // A replica of the release before, in the middle of its work, knows only this column.
  old.exec("UPDATE downloads SET partial = 'fresh.2', durable_bytes = 3 WHERE id = 'fresh'");
  expect((await store.get("fresh"))?.resume.durable).toEqual([{ start: 0, end: 3 }]);
});

test("a database whose file is gone is not fit for use", async () => {
  const file = await temporaryFile();
  const store = await openTestStore(file);
  await rm(file);
  await expect(store.check()).rejects.toThrow(/ENOENT/);
});

test("when one of several cannot be put in, none is, and the store goes on", async () => {
  const file = await temporaryFile();
  const store = await openTestStore(file);
  const other = openRaw(file);
  other.exec(
    "CREATE TRIGGER two BEFORE INSERT ON downloads WHEN new.priority = 2 BEGIN SELECT raise(ABORT, 'two'); END",
  );
  await expect(store.insert([newDownload(), newDownload({ priority: 2 })])).rejects.toThrow(/two/);
  other.exec("DROP TRIGGER two");
  expect((await store.stats()).states.queued).toBe(0);
  expect(await store.insert([newDownload()])).toHaveLength(1);
});

test("while another process is in the middle of a write, this one waits without standing still", async () => {
  const file = await temporaryFile();
  const store = await openTestStore(file, true);
  const other = openRaw(file);
  other.exec("BEGIN IMMEDIATE; UPDATE downloads SET priority = 0");
  let isInserted = false;
  const inserting = store.insert([newDownload()]).then(() => (isInserted = true));
  const start = performance.now();
  let ticks = 0;
  while (performance.now() - start < 200) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    ticks++;
  }
  expect(ticks).toBeGreaterThan(5);
  expect(isInserted).toBe(false);
  expect(await store.get("unknown")).toBeUndefined(); // readers do not wait at all
  other.exec("COMMIT");
  await inserting;
  expect((await store.stats()).states.queued).toBe(1);
});

const PLANS = createStatements(SQLITE);
test.each([
  ["claim", ["downloads_ready", "downloads_leased"]],
  ["claimByHost", ["downloads_ready_hosts (owner=? AND host>?)", "downloads_leased"]],
  ["promote", ["downloads_waiting"]],
  ["renew", ["sqlite_autoindex_downloads_1"]],
  ["record", ["sqlite_autoindex_downloads_1"]],
  ["changes", ["downloads_history", "removals_history"]],
  ["removal", ["removals_ids"]],
  ["claimWebhook", ["downloads_webhooks"]],
  ["stats", ["COVERING INDEX downloads_sums"]],
  ["unfinished", ["sqlite_autoindex_downloads_1"]],
] as const)("%s reads what it needs from an index, however long the backlog", async (name, indices) => {
  const file = await temporaryFile();
  await openTestStore(file);
  const plan = openRaw(file)
    .prepare(`EXPLAIN QUERY PLAN ${PLANS[name].sql}`)
    .all()
    .map((row) => String(row["detail"]));
  for (const index of indices) expect(plan.join("\n")).toContain(index);
  expect(plan.filter((line) => /^SCAN downloads( AS|$)/.test(line))).toEqual([]);
});
