import { DatabaseError } from "pg";

/** What a server says that is about to end, has just begun, or cannot take another connection now. */
const PASSING = /^(08...|53300|57P0[1-5])$/;
/** Two transactions were in each other's way; one had to give in, and has changed nothing. */
const COLLIDED = new Set(["40001", "40P01"]);
const UNIQUE_VIOLATION = "23505";

/** What the driver says of a connection that broke off, that it has given up on, or that it could not get in time. */
const BROKEN =
  /^(Connection terminated|Client (was closed|has encountered)|timeout e|Query read timeout|Cannot use a pool)/;
/** Node's code for an error of the system: not `ERR_…`, which are Node's own. */
const SYSTEM = /^E(?!RR_)/;

/** Whether the same may succeed in a while: the server is away, or the connection to it has broken off. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  if (error instanceof DatabaseError) return PASSING.test(code) || COLLIDED.has(code);
  return SYSTEM.test(code) || BROKEN.test(error.message);
}

/** Whether a unique index was in the way. */
export function isTaken(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === UNIQUE_VIOLATION;
}
