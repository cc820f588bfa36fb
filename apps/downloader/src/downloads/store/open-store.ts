import type { DownloadStore } from "../store.ts";
import { SqlStore } from "./sql-store.ts";
import { SqliteDatabase, type SqliteOptions } from "./sqlite.ts";

/** Opens the downloads that all replicas share. */
export async function openStore(options: SqliteOptions): Promise<DownloadStore> {
  return new SqlStore(await SqliteDatabase.open(options));
}
