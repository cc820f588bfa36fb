import { randomUUID } from "node:crypto";

import { STATES, type Download, type Failure, type NewDownload, type ResumePoint } from "../download.ts";
import { KeyReusedError, StateConflictError } from "../errors.ts";
import type {
  Change,
  Claim,
  ClaimRequest,
  Cursor,
  DownloadPage,
  DownloadStore,
  HistoryEntry,
  Idempotency,
  Lease,
  ListRequest,
  PartialOwner,
  Progress,
  Removed,
  Settings,
  Stats,
  WebhookClaim,
} from "../store.ts";
import { allowedStates, conflictDetail } from "./change-statement.ts";
import { TakenError, type Database, type Statement, type Values } from "./database.ts";
import {
  fromResumePoint,
  number,
  numberOrNull,
  text,
  textOrNull,
  toClaim,
  toDownload,
  toRemoved,
} from "./row.ts";
import { createStatements, type Statements } from "./statements.ts";

/** How often, at the most, a claim looks for what has become due. */
const PROMOTE_MS = 50;

/** The downloads in one table of a database that speaks SQL. */
export class SqlStore implements DownloadStore {
  readonly #database: Database;
  readonly #statements: Statements;
  #promotedAt = -Infinity;

  constructor(database: Database) {
    this.#database = database;
    this.#statements = createStatements(database.dialect);
  }

  insert(downloads: readonly NewDownload[]): Promise<Download[]>;
  insert(
    downloads: readonly NewDownload[],
    idempotency: Idempotency | undefined,
  ): Promise<(Download | undefined)[]>;
  async insert(
    downloads: readonly NewDownload[],
    idempotency?: Idempotency,
  ): Promise<(Download | undefined)[]> {
    const rows = downloads.map((download) => toColumns(download, randomUUID()));
    const values = {
      downloads: JSON.stringify(rows),
      key: idempotency?.key ?? null,
      fingerprint: idempotency?.fingerprint ?? null,
    };
    try {
      await this.#database.query(this.#statements.insert, values);
    } catch (error) {
      // Another replica was given the same key at the same moment.
      if (!(error instanceof TakenError && idempotency)) throw error;
    }
    if (!idempotency) return this.#downloads(this.#statements.byIds, { ids: idsOf(rows) });
    const known = await this.#database.query(this.#statements.fingerprint, { key: idempotency.key });
    if (known.some((row) => text(row, "fingerprint") !== idempotency.fingerprint)) throw new KeyReusedError();
    const made = await this.#database.query(this.#statements.byKey, { key: idempotency.key });
    const places = new Map(made.map((row) => [number(row, "idempotency_index"), toDownload(row)]));
    return downloads.map((_, index) => places.get(index));
  }

  async get(id: string): Promise<Download | undefined> {
    if (!isStorable(id)) return undefined;
    const [download] = await this.#downloads(this.#statements.get, { id });
    return download;
  }

  async list({ state, search, limit, before }: ListRequest): Promise<DownloadPage> {
    if (search !== undefined && !isStorable(search)) return { downloads: [], next: undefined };
    const { list, listByState } = this.#statements;
    const found = await this.#downloads(state === undefined ? list : listByState, {
      state: state ?? null,
      pattern: search === undefined ? null : likePattern(search),
      before: before ?? Number.MAX_SAFE_INTEGER,
      limit: limit + 1,
    });
    const downloads = found.slice(0, limit);
    return { downloads, next: found.length > limit ? downloads.at(-1)?.sequence : undefined };
  }

  async stats(): Promise<Stats> {
    const rows = await this.#database.query(this.#statements.stats);
    const counts = new Map(rows.map((row) => [text(row, "state"), number(row, "count")]));
    return {
      states: Object.fromEntries(STATES.map((state) => [state, counts.get(state) ?? 0])) as Stats["states"],
      bytes: rows.reduce((sum, row) => sum + number(row, "bytes"), 0),
      speed: number(rows[0] ?? {}, "speed"),
    };
  }

  async change(id: string, change: Change): Promise<Download | undefined> {
    const { state = null, source, priority = null, speedLimit } = change;
    const allowed = allowedStates(change);
    const values = {
      id,
      state,
      url: source?.url ?? null,
      host: source?.host ?? null,
      origin: source ? new URL(source.url).origin : null,
      priority,
      isLimited: speedLimit === undefined ? 0 : 1,
      speedLimit: speedLimit ?? null,
      allowed: JSON.stringify(allowed),
      request: randomUUID(),
    };
    if (!isStorable(id)) return undefined;
    for (;;) {
      const [changed] = await this.#downloads(this.#statements.change, values);
      if (changed) return changed;
      const present = await this.get(id);
      if (!present) return undefined;
      // Else it has become possible in the meantime.
      if (!allowed.includes(present.state))
        throw new StateConflictError(conflictDetail(present.state, change));
    }
  }

  async remove(id: string): Promise<Removed | undefined> {
    if (!isStorable(id)) return undefined;
    const [row] = await this.#database.query(this.#statements.remove, { id, request: randomUUID() });
    return row && toRemoved(row);
  }

  async claim({ worker, leaseMs, busyHosts }: ClaimRequest): Promise<Claim | undefined> {
    await this.#promote();
    const { claim, claimByHost } = this.#statements;
    const values = { worker, leaseMs, busyHosts: JSON.stringify(busyHosts), claim: randomUUID() };
    let [row] = await this.#database.query(claim, values);
    // Behind the downloads of busy hosts, or behind those that others were faster with, there may be more.
    const mayBeMore = busyHosts.length > 0 || this.#database.dialect.hasRivals;
    if (!row && mayBeMore) [row] = await this.#database.query(claimByHost, values);
    return row && toClaim(row);
  }

  async renew(held: ReadonlyMap<Lease, Progress>, leaseMs: number): Promise<ReadonlyMap<Lease, Settings>> {
    const asked = [...held].map(([{ id, epoch }, { bytes, total, speed, connections }]) => {
      return { id, epoch, bytes, total, connections, speed: Math.round(speed) };
    });
    const rows = await this.#database.query(this.#statements.renew, { held: JSON.stringify(asked), leaseMs });
    const renewed = new Map(rows.map((row) => [`${text(row, "id")} ${number(row, "epoch")}`, row]));
    return new Map(
      [...held.keys()].flatMap((lease) => {
        const row = renewed.get(`${lease.id} ${lease.epoch}`);
        return row ? [[lease, { speedLimit: numberOrNull(row, "speed_limit") }] as const] : [];
      }),
    );
  }

  async record(lease: Lease, point: ResumePoint): Promise<boolean> {
    return this.#write(this.#statements.record, lease, fromResumePoint(point));
  }

  async offer(lease: Lease, point: ResumePoint, candidate: string): Promise<boolean> {
    return this.#write(this.#statements.offer, lease, { ...fromResumePoint(point), candidate });
  }

  async complete(lease: Lease, file: string, bytes: number): Promise<boolean> {
    return this.#write(this.#statements.complete, lease, { file, bytes });
  }

  async fail(lease: Lease, { code, detail }: Failure): Promise<boolean> {
    return this.#write(this.#statements.fail, lease, { code, detail });
  }

  async retry(
    lease: Lease,
    { code, detail }: Failure,
    { afterMs, failures }: { afterMs: number; failures: number },
  ): Promise<boolean> {
    const values = { code, detail, failures, afterMs: Math.ceil(afterMs) };
    return this.#write(this.#statements.retry, lease, values);
  }

  async release(lease: Lease): Promise<boolean> {
    return this.#write(this.#statements.release, lease, {});
  }

  async letGo(lease: Lease, point: ResumePoint): Promise<boolean> {
    return this.#write(this.#statements.letGo, lease, fromResumePoint(point));
  }

  async changes({ revision, sequence }: Cursor, limit: number): Promise<HistoryEntry[]> {
    const rows = await this.#database.query(this.#statements.changes, { revision, sequence, limit });
    return rows.map((row) => {
      const cursor = { revision: number(row, "at_revision"), sequence: number(row, "at_sequence") };
      const removed = textOrNull(row, "removed");
      return removed === null ? { cursor, download: toDownload(row) } : { cursor, removed };
    });
  }

  async latest(): Promise<Cursor> {
    const [row = {}] = await this.#database.query(this.#statements.latest);
    return { revision: number(row, "revision"), sequence: number(row, "sequence") };
  }

  async wasRemoved(id: string): Promise<Cursor | undefined> {
    if (!isStorable(id)) return undefined;
    const [row] = await this.#database.query(this.#statements.removal, { id });
    return row && { revision: number(row, "revision"), sequence: number(row, "sequence") };
  }

  onChange(listener: () => void): void {
    this.#database.onChange(listener);
  }

  async claimWebhook(leaseMs: number): Promise<WebhookClaim | undefined> {
    const [row] = await this.#database.query(this.#statements.claimWebhook, { leaseMs, claim: randomUUID() });
    return row && { download: toDownload(row), attempt: number(row, "webhook_attempts") };
  }

  async settleWebhook({ download, attempt }: WebhookClaim, again?: { afterMs: number }): Promise<void> {
    const { id, epoch, state, endedAt } = download;
    const afterMs = again ? Math.ceil(again.afterMs) : null;
    await this.#database.query(this.#statements.settleWebhook, {
      id,
      epoch,
      state,
      endedAt,
      attempt,
      afterMs,
    });
  }

  async unfinished(ids: readonly string[], failedAfter: number): Promise<PartialOwner[]> {
    const values = { ids: JSON.stringify(ids), failedAfter };
    const rows = await this.#database.query(this.#statements.unfinished, values);
    return rows.map((row) => ({
      id: text(row, "id"),
      epoch: number(row, "epoch"),
      partial: textOrNull(row, "partial"),
    }));
  }

  async prune(olderThanMs: number): Promise<void> {
    await this.#database.query(this.#statements.prune, { olderThanMs });
  }

  check(): Promise<void> {
    return this.#database.check();
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /** Runs a write that only the holder of a lease may make; tells whether it was. */
  async #write(statement: Statement, { id, epoch }: Lease, values: Values): Promise<boolean> {
    const rows = await this.#database.query(statement, { ...values, id, epoch });
    return rows.length === 1;
  }

  async #downloads(statement: Statement, values: Values): Promise<Download[]> {
    return (await this.#database.query(statement, values)).map(toDownload);
  }

  async #promote(): Promise<void> {
    if (performance.now() - this.#promotedAt < PROMOTE_MS) return;
    this.#promotedAt = performance.now();
    await this.#database.query(this.#statements.promote);
  }
}

function toColumns({ headers, mirrors, pieces, notBefore, ...columns }: NewDownload, id: string) {
  return {
    ...columns,
    id,
    headers: JSON.stringify(headers),
    mirrors: JSON.stringify(mirrors),
    pieces: pieces && JSON.stringify(pieces),
    notBefore: notBefore ?? 0,
  };
}

function idsOf(rows: readonly { readonly id: string }[]): string {
  return JSON.stringify(rows.map(({ id }) => id));
}

/** Postgres has no text with NUL in it, and SQLite's patterns end there: what has one is nowhere to be found. */
function isStorable(asked: string): boolean {
  return !asked.includes("\0");
}

/** A pattern that finds `part` anywhere, its own `%` and `_` taken literally. */
function likePattern(part: string): string {
  return `%${part.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}
