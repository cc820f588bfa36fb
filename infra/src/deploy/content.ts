import { createHash } from "node:crypto";

/** What an image says of the containers that are made of it: the same keys in Docker's answers and in archives. */
export type ContainerConfig = Readonly<Record<string, unknown>>;

/** What of an image's configuration is the same wherever it is read, and makes a difference to its containers. */
const TELLING = [
  "Cmd",
  "Entrypoint",
  "Env",
  "ExposedPorts",
  "Labels",
  "StopSignal",
  "User",
  "Volumes",
  "WorkingDir",
];

/**
 * The first digits of a digest of what an image holds. Not its id: that is another one in each of Docker's two stores, and
 * with attestations another one for each build.
 */
export function contentDigits(layers: readonly string[] = [], config: ContainerConfig = {}): string {
  const telling = TELLING.map((key) => sorted(config[key]));
  return createHash("sha256")
    .update(JSON.stringify([layers, telling]))
    .digest("hex")
    .slice(0, 12);
}

/** Nothing is said as null, or not at all; the keys of a mapping come in any order. */
function sorted(value: unknown): unknown {
  if (value === undefined || value === "" || value === null) return null;
  if (Array.isArray(value)) return value.length === 0 ? null : value;
  if (typeof value !== "object") return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return entries.length === 0 ? null : entries;
}
