import { HttpError } from "@wharf/service";
import type { PagePosition } from "@wharf/volume";

/** Writes a place in a listing as a word that any replica can go on from. */
export function writeCursor(position: PagePosition): string {
  return Buffer.from(JSON.stringify([position.key, position.name])).toString("base64url");
}

/** @throws {HttpError} 400 `INVALID_REQUEST` for what no listing gave out */
export function readCursor(cursor: string): PagePosition {
  try {
    const [key, name] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    if ((typeof key === "string" || typeof key === "number") && typeof name === "string")
      return { key, name };
  } catch {
    // Neither is this a cursor.
  }
  throw new HttpError(400, "INVALID_REQUEST", "The cursor is not one that a listing gave out.");
}
