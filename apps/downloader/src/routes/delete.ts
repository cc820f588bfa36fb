import { noBody, ProblemSchema, type App } from "@wharf/service";
import { Type } from "typebox";

import { removeDownload } from "../downloads/removal.ts";
import { readId } from "./download-id.ts";
import type { RouteContext } from "./index.ts";
import { DOWNLOAD_URL } from "./urls.ts";

const schema = {
  summary: "Cancel a download, or forget it",
  description:
    "Ends it if it runs, on whichever replica. The file stays, unless it is removed too, by `file=true`; what has taken its place since stays all the same.",
  tags: ["downloads"],
  params: Type.Object({ id: Type.String() }),
  querystring: Type.Object({ file: Type.Boolean({ default: false }) }),
  response: { 204: noBody("Removed"), "4xx": ProblemSchema },
};

/** `DELETE /downloads/{id}`. */
export function addDelete(app: App, context: RouteContext): void {
  app.delete(DOWNLOAD_URL, { schema }, async (request, reply) => {
    await removeDownload(context, readId(request.params), request.query.file);
    return reply.code(204).send(undefined);
  });
}
