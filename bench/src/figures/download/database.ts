import { startPostgres } from "../../postgres.ts";

/** Where a downloader keeps its queue. */
export const DATABASES = ["SQLite", "Postgres"] as const;
export type Database = (typeof DATABASES)[number];

/** What a downloader is told to keep its queue there; undefined when that is not possible here. */
export async function variablesFor(
  database: Database,
  stack: AsyncDisposableStack,
): Promise<Record<string, string> | undefined> {
  if (database === "SQLite") return {};
  const url = await startPostgres(stack);
  return url === undefined ? undefined : { DATABASE_URL: url };
}
