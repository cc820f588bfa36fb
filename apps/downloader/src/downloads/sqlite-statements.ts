/** What every write of a worker is fenced with: a lease that was lost, or a download that is gone, changes no row. */
const HELD = "id = :id AND epoch = :epoch AND state = 'running'";

/**
 * The row to claim: the most urgent that is due, or that its worker has lost. Each half is read from an index of its
 * own and ends at its first hit, so that the length of the backlog does not matter.
 */
const NEXT = `
  SELECT sequence FROM (
    SELECT * FROM (
      SELECT priority, sequence FROM downloads INDEXED BY downloads_queue
      WHERE state = 'queued' AND not_before <= :now
        AND host NOT IN (SELECT value FROM json_each(:busyHosts))
      ORDER BY priority DESC, sequence LIMIT 1
    )
    UNION ALL
    SELECT * FROM (
      SELECT priority, sequence FROM downloads INDEXED BY downloads_leases
      WHERE state = 'running' AND lease_until <= :now
        AND host NOT IN (SELECT value FROM json_each(:busyHosts))
      ORDER BY priority DESC, sequence LIMIT 1
    )
  ) ORDER BY priority DESC, sequence LIMIT 1`;

/** One page, newest first; `pattern` null finds all. */
const page = (condition: string): string => `
  SELECT * FROM downloads
  WHERE sequence < :before AND ${condition}
    AND (:pattern IS NULL OR url LIKE :pattern ESCAPE '\\'
      OR coalesce(file, path || coalesce(name, filename, '')) LIKE :pattern ESCAPE '\\')
  ORDER BY sequence DESC LIMIT :limit`;

/** Every statement the store runs. */
export const SQL = {
  insert: `
    INSERT INTO downloads (id, url, host, path, filename, on_conflict, headers, checksum, max_bytes, priority,
      not_before, state, created_at)
    VALUES (:id, :url, :host, :path, :filename, :onConflict, :headers, :checksum, :maxBytes, :priority,
      :notBefore, 'queued', :now)
    RETURNING *`,
  get: "SELECT * FROM downloads WHERE id = :id",
  list: page("TRUE"),
  listByState: page("state = :state"),
  countByState: "SELECT state, count(*) AS count FROM downloads GROUP BY state",
  sums: `
    SELECT coalesce(sum(bytes), 0) AS bytes,
      coalesce(sum(speed) FILTER (WHERE state = 'running' AND lease_until > :now), 0) AS speed
    FROM downloads`,
  remove: "DELETE FROM downloads WHERE id = :id RETURNING *",

  // Expressions on the right see the row as it was: 'running' there means that nobody let go of it.
  claim: `
    UPDATE downloads SET
      taken_over = (state = 'running'),
      failures = failures + (state = 'running'),
      state = 'running', epoch = epoch + 1, attempts = attempts + 1, worker = :worker, lease_until = :leaseUntil,
      bytes = durable_bytes, speed = 0, started_at = coalesce(started_at, :now),
      not_before = 0, error_code = NULL, error_detail = NULL
    WHERE sequence = (${NEXT})
    RETURNING *`,
  renew: `
    UPDATE downloads SET lease_until = :leaseUntil, bytes = :bytes, total = :total, speed = :speed WHERE ${HELD}`,
  record: `
    UPDATE downloads SET partial = :partial, durable_bytes = :durableBytes, validator = :validator, total = :total,
      name = :name, modified = :modifiedMs, failures = :failures, candidate = NULL
    WHERE ${HELD}`,
  offer: `UPDATE downloads SET candidate = :candidate WHERE ${HELD}`,
  complete: `
    UPDATE downloads SET state = 'completed', file = :file, bytes = :bytes, total = :bytes, speed = 0,
      partial = NULL, candidate = NULL, worker = NULL, ended_at = :now
    WHERE ${HELD}`,
  fail: `
    UPDATE downloads SET state = 'failed', error_code = :code, error_detail = :detail, speed = 0, partial = NULL,
      candidate = NULL, worker = NULL, ended_at = :now
    WHERE ${HELD}`,
  retry: `
    UPDATE downloads SET state = 'queued', error_code = :code, error_detail = :detail, failures = :failures,
      not_before = :notBefore, bytes = durable_bytes, speed = 0, worker = NULL
    WHERE ${HELD}`,
  release: `
    UPDATE downloads SET state = 'queued', bytes = durable_bytes, speed = 0, worker = NULL WHERE ${HELD}`,

  unfinished: `
    SELECT id, epoch, partial FROM downloads
    WHERE id IN (SELECT value FROM json_each(:ids)) AND state IN ('queued', 'running')`,
  probe: "SELECT 1 FROM downloads LIMIT 1",
} as const;
