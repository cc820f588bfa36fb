import type { Dialect } from "./database.ts";

/**
 * SQLite has one writer at a time: nothing needs to be locked, and the next place is the last one and one. The clock is
 * in it so that places which a power cut has undone are not given out again.
 */
export const SQLITE: Dialect = {
  now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
  nextRevision: `(SELECT max(CAST(unixepoch('subsec') * 1000000 AS INTEGER),
    coalesce((SELECT 1 + max(revision) FROM downloads), 0), coalesce((SELECT 1 + max(revision) FROM removals), 0)))`,
  lock: "",
  lockFree: "",
  note: () => "TRUE",
  like: "LIKE",
  by: (index) => `INDEXED BY ${index}`,
  texts: (parameter) => `(SELECT value FROM json_each(:${parameter}))`,
  objects: (parameter) => `json_each(:${parameter})`,
  first: (query) => `(${query} LIMIT 1)`,
  hasRivals: false,
};

export const POSTGRES: Dialect = {
  now: "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS bigint)",
  nextRevision: "next_revision()",
  lock: "FOR UPDATE OF downloads",
  lockFree: "FOR UPDATE OF downloads SKIP LOCKED",
  note: (parameter) => `set_config('wharf.request', :${parameter}, TRUE) IS NOT NULL`,
  like: "ILIKE",
  by: () => "",
  texts: (parameter) => `(SELECT json_array_elements_text(CAST(:${parameter} AS json)) AS value)`,
  objects: (parameter) =>
    `(SELECT value, ordinal - 1 AS key
      FROM json_array_elements(CAST(:${parameter} AS json)) WITH ORDINALITY AS element (value, ordinal)) AS elements`,
  first: (query) => `unnest(ARRAY(${query} LIMIT 64))`,
  hasRivals: true,
};
