import { DatabaseError } from "pg";

/** What a server says that is about to end, has just begun, or cannot take another connection now. */
const PASSING = /^(08...|53300|57P0[1-5])$/;
/** Two transactions were in each other's way; one had to give in, and has changed nothing. */
const COLLIDED = new Set(["40001", "40P01"]);
const UNIQUE_VIOLATION = "23505";

/** Whether the same may succeed in a while: the server is away, or the connection to it has broken off. */
export function isPassing(error: unknown): boolean {
  // What does not come from the server comes from the connection.
  if (!(error instanceof DatabaseError)) return error instanceof Error;
  return PASSING.test(error.code ?? "") || COLLIDED.has(error.code ?? "");
}

/** Whether a unique index was in the way. */
export function isTaken(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === UNIQUE_VIOLATION;
}
