import type { DownloadStore } from "../store.ts";
import { SqlStore } from "./sql-store.ts";
import { SqliteDatabase } from "./sqlite.ts";

export interface StoreOptions {
  /** A Postgres to keep the downloads in; without it, SQLite does. */
  readonly databaseUrl?: string | undefined;
  /** SQLite's database; it and its directory are made when missing. */
  readonly file: string;
  /** True: what was written survives a power cut. */
  readonly isDurable: boolean;
}

/** Opens the downloads that all replicas share. */
export async function openStore({ databaseUrl, file, isDurable }: StoreOptions): Promise<DownloadStore> {
  if (databaseUrl === undefined) return new SqlStore(await SqliteDatabase.open({ file, isDurable }));
  // Whoever has no Postgres does without the megabyte that its client takes.
  const { PostgresDatabase } = await import("./postgres.ts");
  return new SqlStore(await PostgresDatabase.open({ url: databaseUrl, isDurable }));
}
