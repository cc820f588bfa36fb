import { POSTGRES } from "./dialects.ts";
import { INDICES } from "./indices.ts";

/**
 * Each entry brings the schema from the version that is its index to the next. Entries are only ever added: a replica
 * of the release before may be running on the same database.
 */
export const POSTGRES_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE downloads (
    sequence          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                text NOT NULL UNIQUE,
    owner             text NOT NULL COLLATE "C" DEFAULT '',
    url               text NOT NULL,
    host              text NOT NULL COLLATE "C",
    mirrors           text NOT NULL,
    path              text NOT NULL,
    filename          text,
    on_conflict       text NOT NULL,
    headers           text NOT NULL,
    checksum          text,
    size              bigint,
    pieces            text,
    max_bytes         bigint,
    priority          bigint NOT NULL,
    segments          bigint,
    speed_limit       bigint,
    not_before        bigint NOT NULL,
    due_at            bigint,
    webhook           text,
    webhook_due       bigint,
    webhook_attempts  bigint NOT NULL DEFAULT 0,
    webhook_claim     text,
    state             text NOT NULL,
    attempts          bigint NOT NULL DEFAULT 0,
    failures          bigint NOT NULL DEFAULT 0,
    bytes             bigint NOT NULL DEFAULT 0,
    total             bigint,
    speed             bigint NOT NULL DEFAULT 0,
    connections       bigint NOT NULL DEFAULT 0,
    partial           text,
    durable           text NOT NULL DEFAULT '[]',
    durable_bytes     bigint NOT NULL DEFAULT 0,
    validator         text,
    digest            text,
    name              text,
    modified          bigint,
    candidate         text,
    file              text,
    error_code        text,
    error_detail      text,
    created_at        bigint NOT NULL,
    started_at        bigint,
    ended_at          bigint,
    worker            text,
    claim             text,
    epoch             bigint NOT NULL DEFAULT 0,
    lease_until       bigint NOT NULL DEFAULT 0,
    taken_over        bigint NOT NULL DEFAULT 0,
    revision          bigint NOT NULL,
    idempotency_key   text,
    idempotency_index bigint,
    fingerprint       text,
    request           text
  ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

  CREATE TABLE removals (
    revision        bigint NOT NULL,
    sequence        bigint PRIMARY KEY,
    id              text NOT NULL,
    owner           text NOT NULL,
    removed_at      bigint NOT NULL,
    idempotency_key text,
    fingerprint     text,
    request         text,
    epoch           bigint NOT NULL,
    partial         text,
    candidate       text,
    file            text,
    total           bigint,
    modified        bigint,
    ended_at        bigint
  );

  CREATE INDEX downloads_states ON downloads (state, sequence);
  ${INDICES}

  -- The history. A sequence alone would not do: of two transactions that have taken 11 and 12 the second may commit
  -- first, and whoever then reads up to 12 never sees 11. So a place is taken under a lock that is held until the
  -- transaction ends, and places are committed in order. No transaction waits for the disk with the lock: see the
  -- driver. The clock is in it so that places which a crash of the server has undone are not given out again.
  CREATE SEQUENCE revisions;
  CREATE FUNCTION next_revision() RETURNS bigint LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock(2003329394);
    RETURN setval('revisions',
      greatest(nextval('revisions'), CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)));
  END $$;

  CREATE FUNCTION note_removal() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO removals (revision, sequence, id, owner, removed_at, idempotency_key, fingerprint,
      request, epoch, partial, candidate, file, total, modified, ended_at)
    VALUES (next_revision(), old.sequence, old.id, old.owner, ${POSTGRES.now}, old.idempotency_key, old.fingerprint,
      current_setting('wharf.request', TRUE), old.epoch, old.partial, old.candidate, old.file,
      old.total, old.modified, old.ended_at);
    RETURN old;
  END $$;
  -- Before: the row is locked by then, but not gone, so that nobody who has the history's lock waits for its end.
  CREATE TRIGGER downloads_removal BEFORE DELETE ON downloads FOR EACH ROW EXECUTE FUNCTION note_removal();

  -- What other workers have to act upon is told to them at once; how far a download is they need not know.
  CREATE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('downloads', current_setting('application_name'));
    RETURN NULL;
  END $$;
  CREATE TRIGGER downloads_submitted AFTER INSERT OR DELETE ON downloads
    FOR EACH STATEMENT EXECUTE FUNCTION announce();
  CREATE TRIGGER downloads_changed AFTER UPDATE OF state ON downloads
    FOR EACH ROW WHEN (new.state IN ('queued', 'paused', 'canceled')) EXECUTE FUNCTION announce();
  `,
];
