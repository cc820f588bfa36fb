import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { emptyPoint, newDownload } from "../../testing/new-download.ts";
import { lackOfPostgres, startPostgres, type Postgres } from "../../testing/postgres.ts";
import { startRelay } from "../../testing/postgres-relay.ts";
import { testStore } from "../../testing/store-contract.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { DownloadStore } from "../store.ts";
import type { Values } from "./database.ts";
import { POSTGRES } from "./dialects.ts";
import { openStore } from "./open-store.ts";
import { compile, POSTGRES_SETTINGS, PostgresDatabase } from "./postgres.ts";
import { SqlStore } from "./sql-store.ts";
import { createStatements } from "./statements.ts";

const lack = lackOfPostgres();
/** Parameters of the statements whose plans are looked at. */
const VALUES: Record<string, string> = { worker: "'x'", leaseMs: "1", busyHosts: "'[]'", claim: "'x'" };

async function openTestStore(databaseUrl: string, isDurable = true): Promise<DownloadStore> {
  const store = await openStore({ databaseUrl, file: "", isDurable });
  onTestFinished(() => store.close());
  return store;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    // Of several statements in one text, the last one's.
    return [await client.query<Record<string, unknown>>(sql)].flat().at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

describe.skipIf(lack !== undefined)(`a real server${lack === undefined ? "" : `: ${lack}`}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres({ isSynced: false });
  }, 60_000);
  afterAll(() => postgres.close(), 60_000);

  describe("Postgres is a store of downloads", () => {
    testStore(async () => {
      const databaseUrl = postgres.url;
      await query(databaseUrl, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      const again = (): Promise<DownloadStore> => openStore({ databaseUrl, file: "", isDurable: true });
      const store = await again();
      return { store, again, execute: async (sql) => void (await query(databaseUrl, sql)) };
    });
  });

  test("replicas that start together find one schema", async () => {
    const url = await postgres.createDatabase();
    const stores = await Promise.all(Array.from({ length: 8 }, () => openTestStore(url)));
    for (const store of stores) expect(await store.insert([newDownload()])).toHaveLength(1);
    expect(await query(url, "SELECT version FROM downloads_schema")).toEqual([{ version: "1" }]);
  });

  test("others hear of a change, and who has made it does not", async () => {
    const url = await postgres.createDatabase();
    const [one, other] = [await openTestStore(url), await openTestStore(url)];
    let own = 0;
    one.onChange(() => own++);
    let heard = (): void => {};
    other.onChange(() => heard());
    const hearing = (): Promise<void> => new Promise((resolve) => (heard = resolve));
    await hearing(); // that it listens
    const ownBefore = own;
    const next = hearing();
    const [download] = await one.insert([newDownload()]);
    await next;
    const last = hearing();
    await one.remove(download?.id ?? "");
    await last;
    expect(own - ownBefore).toBeLessThanOrEqual(1); // its own beginning, at the most
  });

  test("a user without any privilege but on the database will do", async () => {
    const url = await postgres.createDatabase();
    const name = new URL(url).pathname.slice(1);
    await query(url, `CREATE ROLE plain_${name} LOGIN; ALTER DATABASE ${name} OWNER TO plain_${name}`);
    const store = await openTestStore(url.replace("wharf@", `plain_${name}@`));
    expect(await store.insert([newDownload()])).toHaveLength(1);
    expect(await store.claim({ worker: "x", leaseMs: 1_000, busyHosts: [] })).toBeDefined();
  });

  test("a claim, though it is committed without waiting, outlives a crash of the server", async () => {
    const server = await startPostgres();
    onTestFinished(() => server.close());
    const store = await openTestStore(server.url, false);
    await store.insert(Array.from({ length: 20 }, () => newDownload()));
    const ids = [];
    for (let n = 0; n < 20; n++) {
      const claim = await store.claim({ worker: "x", leaseMs: 60_000, busyHosts: [] });
      ids.push(claim?.download.id);
    }
    await server.stop("immediate");
    await server.start();
    expect((await store.stats()).states).toMatchObject({ queued: 0, running: 20 });
  });

  test("operations go on when the server is restarted under them", { timeout: 90_000 }, async () => {
    const server = await startPostgres();
    onTestFinished(() => server.close());
    const stores = [await openTestStore(server.url), await openTestStore(server.url)] as const;
    const ending = new AbortController();
    let inserted = 0;
    const completed: string[] = [];
    const work = async (store: DownloadStore): Promise<void> => {
      for (let n = 0; !ending.signal.aborted; n++) {
        const made = await store.insert([newDownload()]);
        inserted += made.length;
        const claim = await store.claim({ worker: "x", leaseMs: 60_000, busyHosts: [] });
        if (!claim) continue;
        const { download } = claim;
        expect(await store.record(download, emptyPoint({ name: `${n}` }))).toBe(true);
        expect(await store.offer(download, emptyPoint(), `/${n}`)).toBe(true);
        expect(await store.complete(download, `/${n}`, n)).toBe(true);
        completed.push(download.id);
      }
    };
    const working = Promise.all([...stores, ...stores, ...stores].map(work));
    for (const how of ["immediate", "fast", "immediate"] as const) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await server.stop(how);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const before = completed.length;
      await server.start();
      await expect.poll(() => completed.length, { timeout: 20_000 }).toBeGreaterThan(before);
    }
    ending.abort();
    await working;
    expect(new Set(completed).size).toBe(completed.length);
    const { states } = await stores[0].stats();
    expect(states).toMatchObject({ completed: completed.length, running: 0, failed: 0 });
    expect(states.queued + states.completed).toBe(inserted);
  });

  test("a server that is away is not fit for use, and who waits for it is told", async () => {
    const server = await startPostgres();
    onTestFinished(() => server.close());
    const database = await PostgresDatabase.open({ url: server.url, isDurable: true, awayMs: 500 });
    const store = new SqlStore(database);
    onTestFinished(() => store.close());
    await store.check();
    await server.stop("fast");
    await expect(store.check()).rejects.toThrow(/ECONNREFUSED|terminat/);
    await expect(store.stats()).rejects.toThrow(StoreUnavailableError);
    await server.start();
    expect(await store.insert([newDownload()])).toHaveLength(1);
  });

  test("an error of our own is not taken for a server that is away", async () => {
    const database = await PostgresDatabase.open({ url: await postgres.createDatabase(), isDurable: false });
    onTestFinished(() => database.close());
    const circular: Record<string, unknown> = {};
    circular["itself"] = circular;
    const values = { id: circular } as unknown as Values;
    await expect(database.query({ sql: "SELECT CAST(:id AS text)" }, values)).rejects.toThrow(TypeError);
  });

  test("a connection lost while it was in use puts in doubt what was not synced by then", async () => {
    const server = await startPostgres({ isSynced: false });
    onTestFinished(() => server.close());
    const { url } = server;
    const database = await PostgresDatabase.open({ url, isDurable: true });
    onTestFinished(() => database.close());
    await query(url, "CREATE TABLE writes (at bigint)");
    const count = async () =>
      Number((await query(url, "SELECT count(*) AS count FROM writes"))[0]?.["count"]);
    const activity = async (text: string) =>
      query(url, `SELECT pid FROM pg_stat_activity WHERE query LIKE '%${text}%' AND pid <> pg_backend_pid()`);
    const setStandbys = async (names: string) => {
      await query(url, `ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await query(url, "SELECT pg_reload_conf()");
    };

    const busy = database.query({ sql: "SELECT pg_sleep(1)" });
    await expect.poll(() => activity("pg_sleep")).toHaveLength(1);
    await setStandbys("nobody");
    await expect
      .poll(() => query(url, "SHOW synchronous_standby_names"))
      .toEqual([{ synchronous_standby_names: "nobody" }]);
    const writing = database.query({ sql: "INSERT INTO writes VALUES (1)", survives: "power-cut" });
    // It is written, and its sync waits for a standby that there is not.
    await expect.poll(() => activity("pg_logical_emit_message")).toHaveLength(1);
    expect(await count()).toBe(1);
    await query(
      url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
    );
    await busy; // tried again
    await setStandbys("");
    await writing;
    expect(await count()).toBe(2); // once more, as it may have been undone
  });

  describe("when the answer is lost on the way", () => {
    const open = async () => {
      const url = await postgres.createDatabase();
      const relay = await startRelay(url);
      const [store, other] = [await openTestStore(relay.url), await openTestStore(url)];
      const claim = async () => {
        const claimed = await other.claim({ worker: "x", leaseMs: 60_000, busyHosts: [] });
        if (!claimed) throw new Error("nothing was claimed");
        return claimed.download;
      };
      return { relay, store, other, claim };
    };

    test("a change was made, though it could not be made any more", async () => {
      const { relay, store, other, claim } = await open();
      const [download] = await other.insert([newDownload()]);
      const id = download?.id ?? "";
      await other.change(id, { state: "paused" });
      relay.loseNextAnswer(claim);
      expect(await store.change(id, { state: "queued" })).toMatchObject({ id, state: "running" });
      await expect(store.change(id, { state: "queued" })).rejects.toThrow(/is running already/);
    });

    test("a removal still tells what was left behind", async () => {
      const { relay, store, other, claim } = await open();
      await other.insert([newDownload()]);
      const { id, epoch } = await claim();
      const resume = { partial: "p", total: 20, modifiedMs: 3 };
      await other.offer({ id, epoch }, emptyPoint(resume), "/x");
      relay.loseNextAnswer();
      const removed = { id, epoch, resume, candidate: "/x", file: null, endedAt: null };
      expect(await store.remove(id)).toEqual(removed);
      expect(await store.remove(id)).toBeUndefined();
    });

    test("a webhook is called now, and not when the claim on it has run out", async () => {
      const { relay, store, other, claim } = await open();
      await other.insert([newDownload({ webhook: "https://hook.example/" })]);
      const download = await claim();
      await other.complete(download, "/x", 1);
      relay.loseNextAnswer();
      const webhook = await store.claimWebhook(60_000);
      expect(webhook).toMatchObject({ attempt: 1, download: { id: download.id } });
      expect(await store.claimWebhook(60_000)).toBeUndefined();
    });
  });

  test("a database that lets nobody in says so at once", async () => {
    const url = postgres.url.replace(/postgres$/, "unknown");
    await expect(openStore({ databaseUrl: url, file: "", isDurable: true })).rejects.toThrow(
      /does not exist/,
    );
  });

  test.each([
    ["claim", ["downloads_ready"]],
    ["claimByHost", ["downloads_ready_hosts"]],
    ["promote", ["downloads_waiting"]],
  ] as const)("%s reads what it needs and no more, whatever the backlog", async (name, indices) => {
    const url = await postgres.createDatabase();
    const store = await openTestStore(url, false);
    for (let n = 0; n < 10; n++) {
      await store.insert(Array.from({ length: 1_000 }, (_, at) => newDownload({ priority: at % 7 })));
    }
    const { text, parameters } = compile(createStatements(POSTGRES)[name].sql);
    const settings = Object.entries(POSTGRES_SETTINGS).map(([key, value]) => `SET ${key} = ${value};`);
    const prepare = `PREPARE planned AS ${text}`;
    const values = parameters.map((parameter) => VALUES[parameter]).join(", ");
    const rows = await query(
      url,
      `${settings.join("")} ${prepare}; EXPLAIN ANALYZE EXECUTE planned${values && `(${values})`}`,
    );
    const plan = rows.map((row) => String(row["QUERY PLAN"])).join("\n");
    for (const index of indices) expect(plan).toContain(index);
    const counts = [...plan.matchAll(/actual [^)]*rows=(\d+)|Rows Removed by [^:]*: (\d+)/g)];
    expect(Math.max(...counts.map(([, read, removed]) => Number(read ?? removed)))).toBeLessThan(1_000);
  });
});
