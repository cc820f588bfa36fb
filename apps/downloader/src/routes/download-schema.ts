import { VolumePath } from "@wharf/volume";
import { Type, type Static, type TSchema } from "typebox";

import { CONFLICT_RULES, STATES, type Download } from "../downloads/download.ts";
import { redact } from "../downloads/request-headers.ts";

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const time = (description: string) => nullable(Type.String({ format: "date-time", description }));

/** The states and the conflict rules, as schemas. */
export const StateSchema = Type.Enum([...STATES]);
export const OnConflictSchema = Type.Enum([...CONFLICT_RULES]);

/** A download as clients see it. */
export const DownloadSchema = Type.Object(
  {
    id: Type.String(),
    url: Type.String(),
    mirrors: Type.Array(Type.String(), { description: "Further URLs of the same bytes" }),
    state: StateSchema,
    path: Type.String({ description: "The directory the file is published in" }),
    filename: nullable(Type.String({ description: "The file's name, as far as it is known" })),
    onConflict: OnConflictSchema,
    headers: Type.Record(Type.String(), Type.String(), { description: "Names only; values are redacted" }),
    checksum: nullable(Type.String()),
    size: nullable(Type.Integer({ description: "The length that the file must have" })),
    maxBytes: nullable(Type.Integer()),
    priority: Type.Integer(),
    segments: nullable(Type.Integer({ description: "The most connections at once; null: as many as usual" })),
    speedLimit: nullable(Type.Integer({ description: "Bytes a second; null: as fast as it comes" })),
    webhook: nullable(Type.String({ description: "Called at the end; its query is redacted" })),
    bytes: Type.Integer({ description: "Bytes received" }),
    total: nullable(Type.Integer({ description: "The file's length, when the source says it" })),
    speed: Type.Integer({ description: "Bytes a second, now" }),
    connections: Type.Integer({ description: "Connections to the source, now" }),
    etaMs: nullable(Type.Integer({ description: "Milliseconds to go, at the present speed" })),
    attempts: Type.Integer(),
    error: nullable(Type.Object({ code: Type.String(), detail: Type.String() })),
    file: nullable(
      Type.Object({
        path: Type.String(),
        url: Type.String({ description: "Where the fileserver serves it" }),
      }),
    ),
    createdAt: Type.String({ format: "date-time" }),
    startedAt: time("When it was first started"),
    endedAt: time("When it was completed or canceled, or failed"),
    notBefore: time("When it may be started, or tried again"),
  },
  { $id: "Download" },
);

export type DownloadBody = Static<typeof DownloadSchema>;

/** A reference to {@link DownloadSchema}, for the schemas of other answers. */
export const DownloadRef = Type.Unsafe<DownloadBody>({ $ref: "Download#" });

/** Writes a download as clients see it: header values stay here. */
export function toBody(download: Download): DownloadBody {
  const { filename, file, resume, webhook } = download;
  return {
    id: download.id,
    url: download.url,
    mirrors: [...download.mirrors],
    state: download.state,
    path: download.path,
    filename: file === null ? (resume.name ?? filename) : VolumePath.parse(file).name,
    onConflict: download.onConflict,
    headers: redact(download.headers),
    checksum: download.checksum,
    size: download.size,
    maxBytes: download.maxBytes,
    priority: download.priority,
    segments: download.segments,
    speedLimit: download.speedLimit,
    webhook: webhook === null ? null : withoutQuery(webhook),
    bytes: download.bytes,
    total: resume.total,
    speed: download.speed,
    connections: download.connections,
    etaMs: etaMs(download),
    attempts: download.attempts,
    error: download.error,
    file: file === null ? null : { path: file, url: `/files${VolumePath.parse(file).toUrl()}` },
    createdAt: iso(download.createdAt),
    startedAt: isoOrNull(download.startedAt),
    endedAt: isoOrNull(download.endedAt),
    notBefore: isoOrNull(download.notBefore),
  };
}

function etaMs({ bytes, speed, resume: { total } }: Download): number | null {
  return total === null || speed === 0 ? null : Math.round(((total - bytes) / speed) * 1000);
}

/** A webhook's query may be what proves who calls. */
function withoutQuery(text: string): string {
  const { search, origin, pathname } = new URL(text);
  return origin + pathname + (search === "" ? "" : "?[redacted]");
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}
