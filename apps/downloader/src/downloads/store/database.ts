/** What a column may hold, and what a statement may be given. */
export type Value = string | number | null;
export type Values = Readonly<Record<string, Value>>;
export type Row = Readonly<Record<string, unknown>>;

/**
 * One operation on the store, in one statement: atomic by itself, so that nothing is locked between two messages to a
 * database, whatever happens to whoever sends them.
 */
export interface Statement {
  /** Parameters are written `:name`. */
  readonly sql: string;
  /**
   * What the answer must outlive. A power cut: all that a client, or another file, is told of. The server: what is
   * acted upon while the server may forget it and tell others otherwise.
   */
  readonly survives?: "power-cut" | "server";
  /**
   * Finds what the statement has done, in case its answer was lost on the way; when this finds nothing, the statement
   * is run again. Without it, running the statement twice is as good as running it once.
   */
  readonly recover?: string;
}

/** Where two databases put the same thing differently. */
export interface Dialect {
  /** The clock by which all leases are measured, in milliseconds since the epoch. */
  readonly now: string;
  /** The next place in the history; evaluated once what is to change is locked. */
  readonly nextRevision: string;
  /** Locks the rows of `downloads` that a query finds, one after the other. */
  readonly lock: string;
  /** Locks them as well, and passes over those that somebody else has locked. */
  readonly lockFree: string;
  /** A condition that always holds, and lets the trigger of a removal know a parameter, where answers can be lost. */
  readonly note: (parameter: string) => string;
  /** Compares text whatever its case. */
  readonly like: string;
  /** Has an index used whatever the planner thinks; it knows nothing about what is in the table. */
  readonly by: (index: string) => string;
  /** A parameter that is a JSON array of texts, as a query for each `value`. */
  readonly texts: (parameter: string) => string;
  /** A parameter that is a JSON array of objects, as a table of `key`, which is its place, and `value`. */
  readonly objects: (parameter: string) => string;
  /** The first few numbers that a query finds, each in a row of its own: more than one when others may be faster. */
  readonly first: (query: string) => string;
  /** Whether others may have been faster with all of these. */
  readonly hasRivals: boolean;
}

/** A database that runs statements, each in a transaction of its own. */
export interface Database {
  readonly dialect: Dialect;
  /**
   * @throws {TakenError} when a unique index is in the way
   * @throws {VolumeError} when the disk is, or another process
   * @throws {StoreUnavailableError} when the database cannot be reached
   */
  query(statement: Statement, values?: Values): Promise<readonly Row[]>;
  /** Calls `listener` when others have changed what workers act upon, as far as that can be known. */
  onChange(listener: () => void): void;
  /** @throws when the database cannot be used */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** What was to be put in is there already. */
export class TakenError extends Error {}
