import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { Pool, TypeOverrides, types, type ClientConfig, type QueryConfig } from "pg";

import { StoreUnavailableError } from "../errors.ts";
import { TakenError, type Database, type Row, type Statement, type Values } from "./database.ts";
import { POSTGRES } from "./dialects.ts";
import { GroupCommit } from "./group-commit.ts";
import { isPassing, isTaken } from "./postgres-errors.ts";
import { PostgresListener } from "./postgres-listener.ts";
import { migratePostgres } from "./postgres-migration.ts";

/** Enough for what one replica does at the same time; every statement is short. */
const MAX_CONNECTIONS = 5;
const AWAY_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 20_000;
/** After which an answer does not come any more: later than the server itself would give up. */
const ANSWER_TIMEOUT_MS = 25_000;

/**
 * How every connection is set up. The planner knows nothing of a table that was empty a moment ago, and would read all
 * of it for want of knowledge; every statement has its index. Compiling a plan takes longer than any of them.
 */
export const POSTGRES_SETTINGS = {
  synchronous_commit: "off",
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
  // So the plan does not depend on the values either, and is made once for each connection.
  plan_cache_mode: "force_generic_plan",
};

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` */
  readonly url: string;
  /** True: what was written survives a power cut. */
  readonly isDurable: boolean;
  /** How long a server may be away before what waits for it is told; 30 seconds unless told otherwise. */
  readonly awayMs?: number;
}

/**
 * A database of Postgres, shared by replicas on any number of machines. The clock is the server's.
 *
 * No commit waits for the disk (`synchronous_commit = off`), and so none waits for another's disk while that one has
 * the history locked. What has to be durable is, once a transaction that began later has been synced: one serves all
 * that were committed before it.
 */
export class PostgresDatabase implements Database {
  readonly dialect = POSTGRES;
  readonly #pool: Pool;
  readonly #listener: PostgresListener;
  readonly #isDurable: boolean;
  readonly #awayMs: number;
  readonly #commit = new GroupCommit(() => this.#sync());
  readonly #texts = new Map<string, CompiledSql>();
  readonly #closing = new AbortController();
  /** Connections lost so far: with one of them the server may have lost what it had not synced. */
  #losses = 0;

  /** Waits for the server, and brings its schema up to date. */
  static async open(options: PostgresOptions): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(options);
    try {
      await database.#patiently(() => migratePostgres(database.#pool));
    } catch (error) {
      await database.close();
      throw error;
    }
    return database;
  }

  private constructor({ url, isDurable, awayMs = AWAY_MS }: PostgresOptions) {
    const numbers = new TypeOverrides();
    numbers.setTypeParser(types.builtins.INT8, Number);
    const config: ClientConfig = {
      connectionString: url,
      // Also what tells others' notifications from our own.
      application_name: `wharf-downloader-${randomUUID().slice(0, 13)}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      types: numbers,
    };
    this.#isDurable = isDurable;
    this.#awayMs = awayMs;
    this.#listener = new PostgresListener(config);
    this.#pool = new Pool({
      ...config,
      max: MAX_CONNECTIONS,
      options: Object.entries(POSTGRES_SETTINGS)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(" "),
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
    });
    // It says so only of those that nobody is using; for the others see #send.
    this.#pool.on("error", () => void this.#losses++);
  }

  async query(statement: Statement, values: Values = {}): Promise<readonly Row[]> {
    const { sql, survives, recover } = statement;
    const isSynced = survives === "server" || (survives === "power-cut" && this.#isDurable);
    return this.#patiently(async (isRepeated) => {
      const losses = this.#losses;
      const done = isRepeated && recover !== undefined ? await this.#run(recover, values) : [];
      const rows = done.length > 0 ? done : await this.#run(sql, values);
      if (isSynced) await this.#commit.wait();
      if (isSynced && losses !== this.#losses) throw new LossError();
      return rows;
    });
  }

  onChange(listener: () => void): void {
    this.#listener.add(listener);
  }

  async check(): Promise<void> {
    await this.#run("SELECT 1 FROM downloads LIMIT 1", {});
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await Promise.all([this.#listener.close(), this.#pool.end()]);
  }

  async #run(sql: string, values: Values): Promise<readonly Row[]> {
    let compiled = this.#texts.get(sql);
    if (!compiled) this.#texts.set(sql, (compiled = { name: `s${this.#texts.size}`, ...compile(sql) }));
    const { name, text, parameters } = compiled;
    return this.#send({ name, text, values: parameters.map((parameter) => values[parameter] ?? null) });
  }

  async #sync(): Promise<void> {
    // Only a transaction that has written something is synced.
    const text =
      "SELECT set_config('synchronous_commit', 'on', TRUE), pg_logical_emit_message(TRUE, 'wharf', '')";
    await this.#send({ text });
  }

  /** Only here is the loss of a connection that is in use to be seen: the pool ends it as soon as a query has failed. */
  async #send(query: QueryConfig): Promise<readonly Row[]> {
    try {
      return (await this.#pool.query<Row>(query)).rows;
    } catch (error) {
      if (isPassing(error)) this.#losses++;
      throw error;
    }
  }

  /** Does something that a server which is away is in the way of, as often as it takes. */
  async #patiently<T>(work: (isRepeated: boolean) => Promise<T>): Promise<T> {
    const { signal } = this.#closing;
    const deadline = performance.now() + this.#awayMs;
    for (let pauseMs = 50, isRepeated = false; ; pauseMs = Math.min(pauseMs * 2, 1_000), isRepeated = true) {
      try {
        return await work(isRepeated);
      } catch (error) {
        if (isTaken(error)) throw new TakenError();
        if (!isPassing(error) && !(error instanceof LossError)) throw error;
        if (signal.aborted || performance.now() > deadline) throw new StoreUnavailableError({ cause: error });
      }
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {}); // closing: once more, and over
    }
  }
}

/** A connection was lost between a write and its sync. */
class LossError extends Error {}

interface CompiledSql {
  /** What the statement is known by on a connection once it has been prepared. */
  readonly name: string;
  readonly text: string;
  /** In the order of their numbers. */
  readonly parameters: readonly string[];
}

/** Postgres numbers its parameters; a statement names them. */
export function compile(sql: string): Omit<CompiledSql, "name"> {
  const parameters: string[] = [];
  const text = sql.replaceAll(/(?<!:):([a-z]\w*)/gi, (_, name: string) => {
    if (!parameters.includes(name)) parameters.push(name);
    return `$${parameters.indexOf(name) + 1}`;
  });
  return { text, parameters };
}
