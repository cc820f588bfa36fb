import { SQLITE } from "./dialects.ts";
import { INDICES } from "./indices.ts";

/**
 * Each entry brings the schema from the version that is its index to the next. Entries are only ever added: a replica
 * of the release before may be running on the same file.
 */
export const SQLITE_MIGRATIONS: readonly string[] = [
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
  `
  ALTER TABLE downloads ADD COLUMN mirrors          TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE downloads ADD COLUMN size             INTEGER;
  ALTER TABLE downloads ADD COLUMN pieces           TEXT;
  ALTER TABLE downloads ADD COLUMN segments         INTEGER;
  ALTER TABLE downloads ADD COLUMN speed_limit      INTEGER;
  ALTER TABLE downloads ADD COLUMN due_at           INTEGER;
  ALTER TABLE downloads ADD COLUMN webhook          TEXT;
  ALTER TABLE downloads ADD COLUMN webhook_due      INTEGER;
  ALTER TABLE downloads ADD COLUMN webhook_attempts INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE downloads ADD COLUMN webhook_claim    TEXT;
  ALTER TABLE downloads ADD COLUMN connections      INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE downloads ADD COLUMN digest           TEXT;
  ALTER TABLE downloads ADD COLUMN durable          TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE downloads ADD COLUMN claim            TEXT;
  ALTER TABLE downloads ADD COLUMN revision         INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE downloads ADD COLUMN idempotency_key   TEXT;
  ALTER TABLE downloads ADD COLUMN idempotency_index INTEGER;
  ALTER TABLE downloads ADD COLUMN fingerprint       TEXT;
  ALTER TABLE downloads ADD COLUMN request           TEXT;

  CREATE TABLE removals (
    revision        INTEGER NOT NULL,
    sequence        INTEGER PRIMARY KEY,
    id              TEXT NOT NULL,
    owner           TEXT NOT NULL,
    removed_at      INTEGER NOT NULL,
    idempotency_key TEXT,
    fingerprint     TEXT
  ) STRICT;

  -- Before, because the place of the row that goes may be the last one.
  CREATE TRIGGER downloads_removal BEFORE DELETE ON downloads BEGIN
    INSERT INTO removals (revision, sequence, id, owner, removed_at, idempotency_key, fingerprint)
    VALUES (${SQLITE.nextRevision}, old.sequence, old.id, old.owner, ${SQLITE.now}, old.idempotency_key,
      old.fingerprint);
  END;

  DROP INDEX downloads_queue;
  DROP INDEX downloads_leases;
  ${INDICES}
  `,
];
