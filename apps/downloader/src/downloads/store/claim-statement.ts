import type { Dialect } from "./database.ts";
import { COLUMNS } from "./row.ts";
import { update } from "./update-statement.ts";

/** What can be started at once: due, and nobody has it. One that has become due is made ready by `promote`. */
const READY = "state = 'queued' AND not_before = 0 AND worker IS NULL";
/** What somebody has not let go of. */
const LEASED = "worker IS NOT NULL AND state IN ('queued', 'running')";

const CLAIMED = `${COLUMNS}, pieces, taken_over, due_at`;

/** How far the head of an owner's queue is searched for a host that is not busy, before hosts are gone through. */
const HEAD_LENGTH = 256;

/** What a claim may go by: each owner's queue in its order, or each owner's queue for each host. */
export type Lane = "owner" | "host";

interface Order {
  readonly index: string;
  /** The columns that name a lane. */
  readonly lane: readonly string[];
  /** What else must hold for the lane that `head` is of. */
  readonly isOpen: string;
  /** The rows of that lane, of hosts that are not busy. */
  readonly rows: (by: string) => string;
}

const ORDERS: Readonly<Record<Lane, Order>> = {
  owner: {
    index: "downloads_ready",
    lane: ["owner"],
    isOpen: "",
    rows: (by) => `
      SELECT sequence FROM (
        SELECT sequence, priority, host FROM downloads ${by}
        WHERE ${READY} AND owner = head.owner ORDER BY priority DESC, sequence LIMIT ${HEAD_LENGTH}
      ) AS front
      WHERE host NOT IN (SELECT value FROM busy) ORDER BY priority DESC, sequence`,
  },
  host: {
    index: "downloads_ready_hosts",
    lane: ["owner", "host"],
    isOpen: "AND head.host NOT IN (SELECT value FROM busy)",
    rows: (by) => `
      SELECT sequence FROM downloads ${by}
      WHERE ${READY} AND owner = head.owner AND host = head.host
      ORDER BY priority DESC, sequence`,
  },
};

/**
 * Claims a download. The heads of the lanes are found by going from each to the next in an index, so that neither the
 * length of the backlog, nor what is not due, nor (by host) what is of busy hosts makes a claim slower.
 */
export function claimStatement(dialect: Dialect, by: Lane): string {
  const { now, lockFree, texts, first } = dialect;
  const { index, lane, isOpen, rows } = ORDERS[by];
  const using = dialect.by(index);
  const columns = lane.map((column) => `other.${column}`).join(", ");
  const leased = dialect.by("downloads_leased");
  const head = (condition: string): string => `(
    SELECT other.sequence FROM downloads AS other ${using}
    WHERE other.state = 'queued' AND other.not_before = 0 AND other.worker IS NULL AND ${condition}
    ORDER BY ${columns}, other.priority DESC, other.sequence LIMIT 1)`;
  const nextOwner = head("other.owner > last.owner");
  // Compared as pairs, SQLite would go through all that are equal.
  const nextHost = head("other.owner = last.owner AND other.host > last.host");
  const following = by === "owner" ? nextOwner : `coalesce(${nextHost}, ${nextOwner})`;
  return update(dialect, {
    before: `
      busy AS MATERIALIZED ${texts("busyHosts")},
      heads (head) AS (
        SELECT ${head("TRUE")}
        UNION ALL
        SELECT ${following}
        FROM heads CROSS JOIN downloads AS last WHERE last.sequence = heads.head
      ),
      active AS MATERIALIZED (
        SELECT owner, count(*) AS running FROM downloads ${leased}
        WHERE ${LEASED} AND lease_until > ${now} AND state = 'running' GROUP BY owner
      ),
      candidates AS MATERIALIZED (
        SELECT ${first(rows(using))} AS candidate
        FROM heads CROSS JOIN downloads AS head WHERE head.sequence = heads.head ${isOpen}
        UNION ALL
        SELECT sequence FROM downloads ${leased}
        WHERE ${LEASED} AND lease_until <= ${now} AND host NOT IN (SELECT value FROM busy)
      ),`,
    // The conditions once more: a row that others have changed in between is judged again as it is now. In a CASE, so
    // that no planner takes them for a way to find the row.
    held: `
      SELECT downloads.sequence, TRUE AS visible
      FROM candidates CROSS JOIN downloads LEFT JOIN active ON active.owner = downloads.owner
      WHERE downloads.sequence = candidates.candidate AND CASE downloads.state
        WHEN 'queued' THEN downloads.not_before <= ${now} AND (downloads.worker IS NULL OR downloads.lease_until <= ${now})
        WHEN 'running' THEN downloads.lease_until <= ${now} END
      ORDER BY coalesce(active.running, 0), downloads.priority DESC, downloads.sequence LIMIT 1 ${lockFree}`,
    // Expressions see the row as it was: one that has a worker was not let go of, one that runs has lost it.
    set: `
      taken_over = CASE WHEN worker IS NULL THEN 0 ELSE 1 END,
      failures = failures + CASE WHEN state = 'running' THEN 1 ELSE 0 END,
      state = 'running', epoch = epoch + 1, attempts = attempts + 1,
      worker = :worker, claim = :claim, lease_until = ${now} + :leaseMs,
      bytes = durable_bytes, speed = 0, connections = 0, started_at = coalesce(started_at, ${now}),
      not_before = 0, due_at = CASE WHEN not_before > 0 THEN not_before ELSE due_at END, error_code = NULL, error_detail = NULL`,
    returning: CLAIMED,
  });
}

/** Finds the download of a claim whose answer was lost. */
export const RECOVER_CLAIM = `SELECT ${CLAIMED} FROM downloads WHERE ${LEASED} AND state = 'running' AND claim = :claim`;

/** Makes ready what has become due. */
export function promoteStatement({ now, lockFree, by }: Dialect): string {
  return `
    WITH held AS MATERIALIZED (
      SELECT sequence FROM downloads ${by("downloads_waiting")}
      WHERE state = 'queued' AND not_before > 0 AND not_before <= ${now} AND worker IS NULL
      ORDER BY not_before LIMIT 10000 ${lockFree}
    )
    UPDATE downloads SET not_before = 0, due_at = not_before WHERE sequence IN (SELECT sequence FROM held)`;
}
