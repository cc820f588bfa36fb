import type { DownloadState } from "../download.ts";
import type { Change } from "../store.ts";
import type { Dialect } from "./database.ts";
import { COLUMNS } from "./row.ts";
import { update } from "./update-statement.ts";

/** The states from which a client may ask for each. A completed download is what it is. */
const ALLOWED: Readonly<Record<NonNullable<Change["state"]>, readonly DownloadState[]>> = {
  paused: ["queued", "running", "paused"],
  queued: ["queued", "paused", "failed", "canceled"],
  canceled: ["queued", "running", "paused", "failed", "canceled"],
};

/** The states in which a download may be changed like that. */
export function allowedStates({ state, source }: Change): readonly DownloadState[] {
  return source !== undefined || state === undefined ? ALLOWED.canceled : ALLOWED[state];
}

/** Why a download in that state cannot be changed like that, for a person. */
export function conflictDetail(present: DownloadState, { state }: Change): string {
  if (present === "completed") return "The download is completed; nothing of it can be changed any more.";
  if (present === "running") return "The download is running already; pause it, or give it another URL.";
  return `The download is ${present}; only one that is queued or running can be ${state ?? "changed"}.`;
}

/**
 * What a client changes. One taken from its worker keeps it: it is claimed again only when that has let go, or its
 * lease has run out.
 */
export function changeStatement(dialect: Dialect): string {
  const { now, lock, texts } = dialect;
  /** What is started afresh, and not only changed while it waits. */
  const isRequeued = "(:state = 'queued' OR target = 'queued' AND state <> 'queued')";
  const isCanceled = "(target = 'canceled' AND state <> 'canceled')";
  // The headers, and the secrets in them, are for the origin of the URL they came with; in a URL a "/" follows it.
  const isElsewhere = "(substr(url, 1, length(CAST(:origin AS TEXT)) + 1) <> CAST(:origin AS TEXT) || '/')";
  const target = "(SELECT target FROM held)";
  const set = `
    state = target, request = :request,
    url = coalesce(:url, url), host = coalesce(:host, host),
    headers = CASE WHEN ${isElsewhere} THEN '{}' ELSE headers END,
    priority = coalesce(:priority, priority),
    speed_limit = CASE WHEN :isLimited = 1 THEN :speedLimit ELSE speed_limit END,
    speed = CASE WHEN target = 'running' THEN speed ELSE 0 END,
    connections = CASE WHEN target = 'running' THEN connections ELSE 0 END,
    failures = CASE WHEN ${isRequeued} THEN 0 ELSE failures END,
    not_before = CASE WHEN ${isRequeued} THEN 0 ELSE not_before END,
    due_at = CASE WHEN ${isRequeued} THEN ${now} ELSE due_at END,
    error_code = CASE WHEN ${isRequeued} OR ${isCanceled} THEN NULL ELSE error_code END,
    error_detail = CASE WHEN ${isRequeued} OR ${isCanceled} THEN NULL ELSE error_detail END,
    ended_at = CASE WHEN ${isCanceled} THEN ${now} WHEN target IN ('queued', 'paused') THEN NULL ELSE ended_at END,
    webhook_due = CASE WHEN ${isCanceled} AND webhook IS NOT NULL THEN ${now}
      WHEN target IN ('queued', 'paused') THEN NULL ELSE webhook_due END,
    webhook_attempts = CASE WHEN ${isCanceled} OR target IN ('queued', 'paused') THEN 0 ELSE webhook_attempts END`;
  return update(dialect, {
    held: `
      SELECT sequence, TRUE AS visible,
        CASE WHEN CAST(:state AS TEXT) IS NOT NULL THEN :state
          WHEN CAST(:url AS TEXT) IS NOT NULL AND state IN ('running', 'failed', 'canceled') THEN 'queued'
          ELSE state END AS target
      FROM downloads WHERE id = :id AND state IN ${texts("allowed")} ${lock}`,
    set: set.replaceAll(/\btarget\b/g, target),
    returning: COLUMNS,
  });
}
