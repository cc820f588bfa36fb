import { HttpError, noBody, ProblemSchema, type App } from "@wharf/service";
import { AlreadyExistsError } from "@wharf/volume";

import type { RouteContext } from "./index.ts";
import { FILES_URL, pathOf, urlOf } from "./path.ts";

const schema = {
  summary: "Make a directory",
  description: "Its parent must exist (RFC 4918 §9.3).",
  tags: ["files"],
  response: { 201: noBody("Made"), "4xx": ProblemSchema },
};

/** `MKCOL /files/<path>`. */
export function addMakeDirectory(app: App, { volume }: RouteContext): void {
  app.route({
    method: "MKCOL",
    url: FILES_URL,
    schema,
    config: { readsBody: true },
    handler: async (request, reply) => {
      const { "content-length": length = "0", "transfer-encoding": coding } = request.headers;
      if (Number(length) > 0 || coding !== undefined) {
        throw new HttpError(415, "UNSUPPORTED_MEDIA_TYPE", "A directory is made without a body.");
      }
      const path = pathOf(request);
      try {
        await volume.makeDirectory(path);
      } catch (error) {
        if (!(error instanceof AlreadyExistsError)) throw error;
        throw new HttpError(405, "ALREADY_EXISTS", error.message, {
          headers: { allow: "GET, HEAD, POST, DELETE" },
        });
      }
      return reply.code(201).header("location", urlOf(path.asDirectory())).send(undefined);
    },
  });
}
