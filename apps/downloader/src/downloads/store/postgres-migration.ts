import type { Pool } from "pg";

import { POSTGRES_MIGRATIONS } from "./postgres-schema.ts";

/** Anybody who brings the schema up to date has this lock. */
const LOCK = 0x77686173;

/** Brings the schema up to date. Of replicas that start together one does it, and the others find it done. */
export async function migratePostgres(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    await client.query("CREATE TABLE IF NOT EXISTS downloads_schema (version bigint NOT NULL)");
    const { rows } = await client.query<{ version: number }>("SELECT version FROM downloads_schema");
    const version = rows[0]?.version ?? 0;
    for (const statements of POSTGRES_MIGRATIONS.slice(version)) await client.query(statements);
    if (version < POSTGRES_MIGRATIONS.length) {
      await client.query("DELETE FROM downloads_schema");
      await client.query("INSERT INTO downloads_schema VALUES ($1)", [POSTGRES_MIGRATIONS.length]);
    }
    await client.query("COMMIT");
    client.release();
  } catch (error) {
    client.release(true); // and with the connection ends the transaction
    throw error;
  }
}
