import { ProblemSchema, type App } from "@wharf/service";
import { Type } from "typebox";

import { DownloadUnknownError } from "../downloads/errors.ts";
import { readId } from "./download-id.ts";
import { DownloadRef, toBody } from "./download-schema.ts";
import type { RouteContext } from "./index.ts";
import { DOWNLOAD_URL } from "./urls.ts";

const schema = {
  summary: "Tell of a download",
  tags: ["downloads"],
  params: Type.Object({ id: Type.String() }),
  response: { 200: DownloadRef, "4xx": ProblemSchema },
};

/** `GET /downloads/{id}`. */
export function addGet(app: App, { store }: RouteContext): void {
  app.get(DOWNLOAD_URL, { schema }, async (request, reply) => {
    const id = readId(request.params);
    const download = await store.get(id);
    if (!download) throw new DownloadUnknownError(id);
    return reply.send(toBody(download));
  });
}
