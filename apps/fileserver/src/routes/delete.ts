import { noBody, ProblemSchema, type App } from "@wharf/service";
import type { Entry } from "@wharf/volume";
import { Type } from "typebox";

import { hasWriteConditions, judgeConditions, requireReadableConditions } from "../http/preconditions.ts";
import type { RouteContext } from "./index.ts";
import { FILES_URL, pathOf } from "./path.ts";

const schema = {
  summary: "Remove a file or a directory",
  description: "A directory must be empty, unless it is removed with everything in it, by `recursive=true`.",
  tags: ["files"],
  querystring: Type.Object({ recursive: Type.Boolean({ default: false }) }),
  response: { 204: noBody("Removed"), "4xx": ProblemSchema },
};

/** `DELETE /files/<path>`. */
export function addDelete(app: App, { volume }: RouteContext): void {
  app.delete(FILES_URL, { schema, config: { readsBody: true } }, async (request, reply) => {
    const { headers, method, query } = request;
    requireReadableConditions(headers);
    const condition = hasWriteConditions(headers)
      ? (current: Entry) => judgeConditions(method, headers, current) === "proceed"
      : undefined;
    await volume.remove(pathOf(request), { recursive: query.recursive, condition });
    return reply.code(204).send(undefined);
  });
}
