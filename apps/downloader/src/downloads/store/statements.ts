import { claimStatement, promoteStatement, RECOVER_CLAIM } from "./claim-statement.ts";
import { changeStatement } from "./change-statement.ts";
import type { Dialect, Statement } from "./database.ts";
import { COLUMNS } from "./row.ts";
import { update } from "./update-statement.ts";

/** Whose epoch has moved on, or who is gone, is changed by no write of a worker. */
const LEASE = "id = :id AND epoch = :epoch";
const HELD = `${LEASE} AND state = 'running'`;

const POINT = `
  partial = :partial, durable = :durable, durable_bytes = :durableBytes, validator = :validator, total = :total,
  digest = :digest, name = :name, modified = :modifiedMs, failures = :failures`;
/** What a client sees of a point. */
const POINT_VISIBLE = "(name IS DISTINCT FROM :name OR total IS DISTINCT FROM :total)";
/** What a removal leaves to be cleared away. */
const REMAINS = "id, epoch, partial, candidate, file, total, modified, ended_at";
const STOPPED = "speed = 0, connections = 0, worker = NULL";
/** An end, and with it a webhook to be called. */
const ended = (now: string): string => `
  ended_at = ${now}, webhook_attempts = 0, webhook_due = CASE WHEN webhook IS NULL THEN NULL ELSE ${now} END`;

export type Statements = ReturnType<typeof createStatements>;

/** Every statement the store runs. */
export function createStatements(dialect: Dialect) {
  return {
    ...reads(dialect),
    ...submission(dialect),
    ...work(dialect),
    ...history(dialect),
    ...webhooks(dialect),
  };
}

function reads({ now, like, by, texts }: Dialect) {
  /** One page, newest first; `pattern` null finds all. */
  const page = (condition: string): Statement => ({
    sql: `
      SELECT ${COLUMNS} FROM downloads
      WHERE sequence < :before AND ${condition}
        AND (CAST(:pattern AS TEXT) IS NULL OR url ${like} :pattern ESCAPE '\\'
          OR coalesce(file, path || coalesce(name, filename, '')) ${like} :pattern ESCAPE '\\')
      ORDER BY sequence DESC LIMIT :limit`,
  });
  return {
    get: { sql: `SELECT ${COLUMNS} FROM downloads WHERE id = :id` },
    list: page("TRUE"),
    listByState: page("state = :state"),
    stats: {
      sql: `
        SELECT state, count(*) AS count, CAST(sum(bytes) AS BIGINT) AS bytes,
          (SELECT CAST(coalesce(sum(speed), 0) AS BIGINT) FROM downloads ${by("downloads_leased")}
            WHERE worker IS NOT NULL AND state IN ('queued', 'running')
              AND state = 'running' AND lease_until > ${now}) AS speed
        FROM downloads GROUP BY state`,
    },
    unfinished: {
      sql: `
        SELECT id, epoch, partial FROM ${texts("ids")} AS asked CROSS JOIN downloads
        WHERE id = asked.value
          AND (state IN ('queued', 'running', 'paused') OR state = 'failed' AND ended_at > :failedAfter)`,
    },
  } satisfies Record<string, Statement>;
}

function submission(dialect: Dialect) {
  const { now, nextRevision, note, texts, objects } = dialect;
  const text = (name: string): string => `value->>'${name}'`;
  const integer = (name: string): string => `CAST(value->>'${name}' AS BIGINT)`;
  return {
    insert: {
      // Nothing is returned: to send it could take as long as the client likes, and the history is locked until then.
      sql: `
        WITH place AS MATERIALIZED (SELECT ${nextRevision} AS revision)
        INSERT INTO downloads (id, url, host, mirrors, path, filename, on_conflict, headers, checksum, size, pieces,
          max_bytes, priority, segments, speed_limit, not_before, webhook, state, created_at,
          idempotency_key, idempotency_index, fingerprint, revision)
        SELECT ${text("id")}, ${text("url")}, ${text("host")}, ${text("mirrors")}, ${text("path")},
          ${text("filename")}, ${text("onConflict")}, ${text("headers")}, ${text("checksum")}, ${integer("size")},
          ${text("pieces")}, ${integer("maxBytes")}, ${integer("priority")}, ${integer("segments")},
          ${integer("speedLimit")}, ${integer("notBefore")}, ${text("webhook")}, 'queued', ${now},
          CAST(:key AS TEXT), key, CAST(:fingerprint AS TEXT), place.revision
        FROM ${objects("downloads")}, place
        WHERE NOT EXISTS (SELECT 1 FROM downloads WHERE idempotency_key = :key AND owner = '')
          AND NOT EXISTS (SELECT 1 FROM removals WHERE idempotency_key = :key AND owner = '')
        ORDER BY key
        ON CONFLICT (id) DO NOTHING`,
      survives: "power-cut",
    },
    byIds: { sql: `SELECT ${COLUMNS} FROM downloads WHERE id IN ${texts("ids")} ORDER BY sequence` },
    byKey: {
      sql: `
        SELECT ${COLUMNS}, idempotency_index FROM downloads WHERE idempotency_key = :key AND owner = ''
        ORDER BY idempotency_index`,
    },
    fingerprint: {
      sql: `
        SELECT fingerprint FROM downloads WHERE idempotency_key = :key AND owner = ''
        UNION SELECT fingerprint FROM removals WHERE idempotency_key = :key AND owner = ''`,
    },
    change: {
      sql: changeStatement(dialect),
      recover: `SELECT ${COLUMNS} FROM downloads WHERE id = :id AND request = :request`,
      survives: "power-cut",
    },
    remove: {
      sql: `DELETE FROM downloads WHERE id = :id AND ${note("request")} RETURNING ${REMAINS}`,
      recover: `SELECT ${REMAINS} FROM removals WHERE id = :id AND request = :request`,
      survives: "power-cut",
    },
  } satisfies Record<string, Statement>;
}

function work(dialect: Dialect) {
  const { now, lock } = dialect;
  const write = (set: string, { where = HELD, visible = "TRUE" } = {}): string =>
    update(dialect, {
      held: `SELECT sequence, ${visible} AS visible FROM downloads WHERE ${where} ${lock}`,
      set,
      returning: "id",
    });
  const found = (condition: string): string => `SELECT id FROM downloads WHERE ${LEASE} AND ${condition}`;
  const tried = "state = 'failed' AND error_code = :code AND error_detail = :detail";
  return {
    claim: { sql: claimStatement(dialect, "owner"), recover: RECOVER_CLAIM, survives: "server" },
    claimByHost: { sql: claimStatement(dialect, "host"), recover: RECOVER_CLAIM, survives: "server" },
    promote: { sql: promoteStatement(dialect) },
    renew: { sql: renewStatement(dialect) },
    record: { sql: write(`${POINT}, candidate = NULL`, { visible: POINT_VISIBLE }) },
    offer: {
      sql: write(`${POINT}, candidate = :candidate`, { visible: POINT_VISIBLE }),
      survives: "power-cut",
    },
    complete: {
      sql: write(
        `state = 'completed', file = :file, bytes = :bytes, total = :bytes, ${STOPPED}, not_before = 0,
          candidate = NULL, partial = NULL, durable = '[]', durable_bytes = 0,
          error_code = NULL, error_detail = NULL, ${ended(now)}`,
        { where: `${LEASE} AND state <> 'completed'` },
      ),
      recover: found("state = 'completed' AND file = :file"),
      survives: "power-cut",
    },
    fail: {
      sql: write(`state = 'failed', error_code = :code, error_detail = :detail, candidate = NULL,
        ${STOPPED}, ${ended(now)}`),
      recover: found(tried),
      survives: "power-cut",
    },
    retry: {
      sql: write(
        `state = 'queued', error_code = :code, error_detail = :detail, failures = :failures,
          not_before = ${now} + :afterMs, bytes = durable_bytes, ${STOPPED}`,
      ),
      recover: found("state = 'queued' AND worker IS NULL"),
      survives: "power-cut",
    },
    release: {
      sql: write(`state = 'queued', bytes = durable_bytes, ${STOPPED}`),
      recover: found("state = 'queued' AND worker IS NULL"),
      survives: "power-cut",
    },
    letGo: {
      sql: write(`${POINT}, bytes = :durableBytes, ${STOPPED}`, {
        where: `${LEASE} AND state <> 'running' AND worker IS NOT NULL`,
      }),
      recover: found("state <> 'running' AND worker IS NULL"),
      survives: "power-cut",
    },
  } satisfies Record<string, Statement>;
}

/**
 * Renews many leases; what has become of a transfer is visible, that it goes on is not. What is renewed was asked a
 * moment ago: beside a partial file on record stands the length that was recorded with it.
 */
function renewStatement({ now, nextRevision, lock, objects }: Dialect): string {
  const integer = (name: string): string => `CAST(value->>'${name}' AS BIGINT)`;
  return `
    WITH renewed AS MATERIALIZED (
      SELECT value->>'id' AS id, ${integer("epoch")} AS epoch, ${integer("bytes")} AS bytes,
        ${integer("total")} AS total, ${integer("speed")} AS speed, ${integer("connections")} AS connections
      FROM ${objects("held")}
    ),
    held AS MATERIALIZED (
      SELECT downloads.sequence AS held, renewed.bytes, renewed.total, renewed.speed, renewed.connections,
        downloads.bytes <> renewed.bytes
          OR downloads.partial IS NULL AND downloads.total IS DISTINCT FROM renewed.total
          OR downloads.speed <> renewed.speed OR downloads.connections <> renewed.connections AS visible
      FROM renewed CROSS JOIN downloads
      WHERE downloads.id = renewed.id AND downloads.epoch = renewed.epoch AND downloads.state = 'running' ORDER BY downloads.sequence ${lock}
    ),
    place AS MATERIALIZED (
      SELECT CASE WHEN count(*) FILTER (WHERE visible) > 0 THEN ${nextRevision} END AS place FROM held
    )
    UPDATE downloads SET lease_until = ${now} + :leaseMs, bytes = held.bytes,
      total = CASE WHEN partial IS NULL THEN held.total ELSE downloads.total END,
      speed = held.speed, connections = held.connections,
      revision = CASE WHEN held.visible THEN place.place ELSE revision END
    FROM held, place WHERE downloads.sequence = held.held
    RETURNING id, epoch, speed_limit`;
}

function history({ now }: Dialect) {
  const since = "(revision, sequence) > (:revision, :sequence) ORDER BY revision, sequence LIMIT :limit";
  return {
    changes: {
      sql: `
        WITH changed AS (SELECT revision, sequence, NULL AS removed FROM downloads WHERE ${since}),
        gone AS (SELECT revision, sequence, id AS removed FROM removals WHERE ${since}),
        entries (at_revision, at_sequence, removed) AS (
          SELECT * FROM changed UNION ALL SELECT * FROM gone ORDER BY 1, 2 LIMIT :limit
        )
        SELECT at_revision, at_sequence, removed, ${COLUMNS}
        FROM entries LEFT JOIN downloads ON sequence = at_sequence
        ORDER BY at_revision, at_sequence`,
    },
    latest: {
      sql: `
        SELECT * FROM (SELECT revision, sequence FROM downloads ORDER BY revision DESC, sequence DESC LIMIT 1) AS changed
        UNION ALL
        SELECT * FROM (SELECT revision, sequence FROM removals ORDER BY revision DESC, sequence DESC LIMIT 1) AS gone
        ORDER BY 1 DESC, 2 DESC LIMIT 1`,
    },
    removal: { sql: "SELECT revision, sequence FROM removals WHERE id = :id" },
    prune: {
      // The last one stays: it says where the history ends.
      sql: `
        DELETE FROM removals
        WHERE removed_at <= ${now} - :olderThanMs AND revision < (SELECT max(revision) FROM removals)`,
    },
  } satisfies Record<string, Statement>;
}

function webhooks({ now, lockFree }: Dialect) {
  return {
    claimWebhook: {
      sql: `
        WITH held AS MATERIALIZED (
          SELECT sequence FROM downloads WHERE webhook_due <= ${now} ORDER BY webhook_due LIMIT 1 ${lockFree}
        )
        UPDATE downloads SET webhook_due = ${now} + :leaseMs, webhook_attempts = webhook_attempts + 1,
          webhook_claim = :claim
        WHERE sequence IN (SELECT sequence FROM held)
        RETURNING ${COLUMNS}, webhook_attempts`,
      recover: `
        SELECT ${COLUMNS}, webhook_attempts FROM downloads WHERE webhook_due IS NOT NULL AND webhook_claim = :claim`,
      survives: "server",
    },
    settleWebhook: {
      // Ended again since, it is to be called again, and counts from the beginning.
      sql: `
        UPDATE downloads SET webhook_due = CASE WHEN CAST(:afterMs AS BIGINT) IS NULL THEN NULL ELSE ${now} + :afterMs END
        WHERE ${LEASE} AND state = :state AND ended_at = :endedAt AND webhook_attempts = :attempt
          AND webhook_due IS NOT NULL`,
      survives: "power-cut",
    },
  } satisfies Record<string, Statement>;
}
