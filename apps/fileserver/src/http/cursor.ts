import { HttpError } from "@wharf/service";
import type { PagePosition, PageRequest } from "@wharf/volume";

/** Writes a place in a listing as a word that any replica can go on from. */
export function writeCursor(position: PagePosition): string {
  return Buffer.from(JSON.stringify([position.key, position.name])).toString("base64url");
}

/** @throws {HttpError} 400 `INVALID_REQUEST` for what no listing in this order gave out */
export function readCursor(cursor: string, sort: PageRequest["sort"]): PagePosition {
  try {
    const [key, name] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    const hasKey = typeof key === (sort === "name" ? "string" : "number");
    if (hasKey && typeof name === "string") return { key: key as string | number, name };
  } catch {
    // Neither is this a cursor.
  }
  throw new HttpError(400, "INVALID_REQUEST", "The cursor is not one that a listing in this order gave out.");
}
