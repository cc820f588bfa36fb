import type { Dialect } from "./database.ts";

export interface Update {
  /**
   * Which downloads to change: selects their `sequence`, and locks them; and whether a client sees the change, as
   * `visible`.
   */
  readonly held: string;
  readonly set: string;
  readonly returning: string;
  /** Common table expressions that {@link held} reads from. */
  readonly before?: string;
}

/**
 * A change of downloads that takes the next place in the history, if a client can see it.
 *
 * First the rows are locked, then the place is taken, and nothing is waited for after that: the place is a lock, too
 * (see the schema of Postgres), and whoever took these in another order would wait for one another.
 */
export function update(dialect: Dialect, { held, set, returning, before }: Update): string {
  return `
    WITH RECURSIVE ${before ?? ""}
    held AS MATERIALIZED (${held}),
    place AS MATERIALIZED (
      SELECT CASE WHEN count(*) FILTER (WHERE visible) > 0 THEN ${dialect.nextRevision} END AS revision FROM held
    )
    UPDATE downloads SET ${set}, revision = coalesce((SELECT revision FROM place), revision)
    WHERE sequence IN (SELECT sequence FROM held)
    RETURNING ${returning}`;
}
