import type { DatabaseSync } from "node:sqlite";

/**
 * Each entry brings the schema from the version that is its index to the next. Entries are only ever added: a replica
 * of the release before may be running on the same file.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE downloads (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    owner         TEXT NOT NULL DEFAULT '',
    url           TEXT NOT NULL,
    host          TEXT NOT NULL,
    path          TEXT NOT NULL,
    filename      TEXT,
    on_conflict   TEXT NOT NULL,
    headers       TEXT NOT NULL,
    checksum      TEXT,
    max_bytes     INTEGER,
    priority      INTEGER NOT NULL,
    not_before    INTEGER NOT NULL,
    state         TEXT NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    failures      INTEGER NOT NULL DEFAULT 0,
    bytes         INTEGER NOT NULL DEFAULT 0,
    total         INTEGER,
    speed         INTEGER NOT NULL DEFAULT 0,
    partial       TEXT,
    durable_bytes INTEGER NOT NULL DEFAULT 0,
    validator     TEXT,
    name          TEXT,
    modified      INTEGER,
    candidate     TEXT,
    file          TEXT,
    error_code    TEXT,
    error_detail  TEXT,
    created_at    INTEGER NOT NULL,
    started_at    INTEGER,
    ended_at      INTEGER,
    worker        TEXT,
    epoch         INTEGER NOT NULL DEFAULT 0,
    lease_until   INTEGER NOT NULL DEFAULT 0,
    taken_over    INTEGER NOT NULL DEFAULT 0
  ) STRICT;

  -- The queue, in the order it is worked off; with all that a claim asks about, so that it reads no row it skips.
  CREATE INDEX downloads_queue ON downloads (priority DESC, sequence, not_before, host) WHERE state = 'queued';
  CREATE INDEX downloads_leases ON downloads (lease_until, host) WHERE state = 'running';
  CREATE INDEX downloads_states ON downloads (state, sequence);
  `,
];

/** Brings the schema up to date. Of replicas that start together one does it, and the others find it done. */
export function migrate(database: DatabaseSync): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    const row = database.prepare("PRAGMA user_version").get();
    const version = Number(row?.["user_version"] ?? 0);
    for (const statements of MIGRATIONS.slice(version)) database.exec(statements);
    if (version < MIGRATIONS.length) database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}
