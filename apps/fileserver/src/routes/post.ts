import { createHash } from "node:crypto";

import multipart, { type MultipartFile } from "@fastify/multipart";
import { acceptBody, HttpError, internalError, ProblemSchema, toHttpError, type App } from "@wharf/service";
import {
  AlreadyExistsError,
  isNameTaken,
  IsDirectoryError,
  PathInvalidError,
  VolumePath,
  type StagedFile,
  type Volume,
} from "@wharf/volume";
import type { FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";

import { hasWriteConditions } from "../http/preconditions.ts";
import { isTruncation, receiveBody, truncated } from "../http/receive.ts";
import { STATUSES } from "../statuses.ts";
import type { RouteContext } from "./index.ts";
import { FILES_URL, pathOf } from "./path.ts";

const Query = Type.Object({
  onConflict: Type.Union([Type.Literal("fail"), Type.Literal("rename"), Type.Literal("overwrite")], {
    default: "fail",
    description: "What to do when a name is taken; `rename` stores `name (1).ext`",
  }),
});

type OnConflict = Static<typeof Query>["onConflict"];

type PostRequest = Pick<FastifyRequest<{ Querystring: Static<typeof Query> }>, "query" | "raw">;

const StoredFileSchema = Type.Object({
  path: Type.String(),
  size: Type.Integer(),
  etag: Type.String(),
  sha256: Type.String({ description: "In hexadecimal" }),
});

type StoredFile = Static<typeof StoredFileSchema>;

const schema = {
  summary: "Store the files of a form in a directory",
  description:
    "Any number of files, each published as soon as it is complete. A field `path` before a file, or a file name with " +
    "directories in it, places it in a folder. After an error the body's `files` names those already published. `If-Match`, `If-None-Match` and " +
    "`If-Unmodified-Since` are refused, as a form has no single target: `onConflict` says what to do instead.",
  tags: ["files"],
  consumes: ["multipart/form-data"],
  querystring: Query,
  response: {
    201: Type.Object({ files: Type.Array(StoredFileSchema) }),
    "4xx": ProblemSchema,
    "5xx": ProblemSchema,
  },
};

const LIMITS = { fields: 10_000, fieldSize: 8_192, headerPairs: 100, parts: Infinity };

/** `POST /files/<directory>/` of `multipart/form-data`. */
export function addPost(app: App, context: RouteContext): void {
  const { volume, transfers } = context;
  app.removeAllContentTypeParsers();
  // The size limit is ours: the plugin would cut a file off there, and only then tell.
  app.register(multipart, { limits: { ...LIMITS, fileSize: Infinity }, throwFileSizeLimit: false });

  app.after(() => {
    app.post(FILES_URL, { schema, config: { readsBody: true } }, async (request, reply) => {
      if (!request.isMultipart()) {
        throw new HttpError(415, "UNSUPPORTED_MEDIA_TYPE", "Files are posted as multipart/form-data.");
      }
      if (EMPTY_BOUNDARY.test(request.headers["content-type"] ?? "")) throw malformed();
      if (hasWriteConditions(request.headers)) {
        throw new HttpError(
          400,
          "INVALID_REQUEST",
          "A form has no single target for a condition; use onConflict.",
        );
      }
      const directory = pathOf(request).asDirectory();
      await volume.requireWay(directory);
      await volume.requireSpace(Number(request.headers["content-length"] ?? 0));
      using _transfer = transfers.begin();
      acceptBody(request, reply);
      const files: StoredFile[] = [];
      try {
        let folder = directory;
        for await (const part of request.parts({ preservePath: true })) {
          if (part.type === "file") files.push(...(await store(part, folder, request, context)));
          else if (part.fieldname === "path") folder = folderOf(directory, String(part.value));
        }
        if (files.length === 0) throw new HttpError(400, "INVALID_REQUEST", "The form has no file.");
      } catch (error) {
        throw withStored(error, request, files);
      }
      return reply.code(201).send({ files });
    });
  });
}

/** Stores one file of the form; none when it is the empty file that browsers send for a field left blank. */
async function store(
  part: MultipartFile,
  folder: VolumePath,
  request: PostRequest,
  { volume, maxUploadBytes }: RouteContext,
): Promise<StoredFile[]> {
  if (part.filename === "") {
    part.file.resume();
    return [];
  }
  const { onConflict } = request.query;
  try {
    const wanted = folder.join(parseName(fileName(part)));
    await judge(volume, wanted, onConflict);
    await using staged = await volume.stage();
    const hash = createHash("sha256");
    const size = await receiveBody(staged, part.file, request.raw, { maxBytes: maxUploadBytes, hash });
    const { path, etag } = await publish(staged, wanted, onConflict);
    return [{ path: path.toString(), size, etag, sha256: hash.digest("hex") }];
  } catch (error) {
    part.file.destroy(); // or the parser would wait for somebody to read on
    throw error;
  }
}

/** What can be known before the file, so that it need not be received for nothing. */
async function judge(volume: Volume, wanted: VolumePath, onConflict: OnConflict): Promise<void> {
  if (wanted.isDirectoryForm) throw new IsDirectoryError(wanted.toString());
  if (onConflict === "rename") return volume.requireWay(wanted.parent);
  const current = await volume.target(wanted);
  if (current && onConflict === "fail") throw new AlreadyExistsError(wanted.toString());
}

async function publish(staged: StagedFile, wanted: VolumePath, onConflict: OnConflict) {
  for (let n = 0; ; n++) {
    const path = n === 0 ? wanted : wanted.numbered(n);
    try {
      const { entry } = await staged.publish(path, { replace: onConflict === "overwrite" });
      return { path, etag: entry.etag };
    } catch (error) {
      if (onConflict !== "rename" || !isNameTaken(error)) throw error;
    }
  }
}

/** Browsers and curl write a quote in a name as `%22`, and leave a percent sign as it is. */
function fileName({ filename, fieldname }: MultipartFile): string {
  if (filename) return filename.replaceAll("%22", '"');
  throw new HttpError(400, "INVALID_REQUEST", `The file in the field "${fieldname}" has no name.`);
}

function folderOf(directory: VolumePath, path: string): VolumePath {
  return path === "" || path === "/" ? directory : directory.join(parseName(path)).asDirectory();
}

/** Names are UTF-8. The parser puts U+FFFD for what is not, and a name that has it of its own is too rare to tell. */
function parseName(name: string): VolumePath {
  if (name.includes("\uFFFD")) throw new PathInvalidError("A path must be UTF-8.");
  return VolumePath.parse(name);
}

/** The error as it is answered, with the files that were published before it. */
function withStored(error: unknown, request: PostRequest, files: readonly StoredFile[]): HttpError {
  const known = parserError(error, request) ?? toHttpError(error, STATUSES);
  if (!known) return internalError(error, { files });
  const { status, code, message, headers } = known;
  return new HttpError(status, code, message, { headers: { ...headers }, members: { files }, cause: error });
}

/** What the form's parser says, which has no codes, of a header that it cannot work with. */
const MALFORMED_MESSAGES = new Set([
  "Multipart: Boundary not found",
  "The needle cannot have a length bigger than 256.",
]);

function parserError(error: unknown, { raw }: PostRequest): HttpError | undefined {
  if (isTruncation(error, raw)) return truncated(error);
  if (!(error instanceof Error && MALFORMED_MESSAGES.has(error.message))) return undefined;
  return malformed(error);
}

/** Which the parser takes, and then finds everywhere or nowhere. */
const EMPTY_BOUNDARY = /;\s*boundary=\s*(?:""|;|$)/i;

function malformed(cause?: unknown): HttpError {
  const detail = "The form cannot be read: its boundary must have 1 to 252 characters.";
  return new HttpError(400, "MULTIPART_INVALID", detail, { cause });
}
