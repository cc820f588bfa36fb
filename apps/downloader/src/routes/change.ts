import { HttpError, ProblemSchema, type App } from "@wharf/service";
import { Type, type Static } from "typebox";

import { DownloadUnknownError } from "../downloads/errors.ts";
import { discardPartial } from "../downloads/removal.ts";
import { readSource } from "./create-request.ts";
import { PrioritySchema, SpeedLimitSchema, UrlSchema } from "./create-schema.ts";
import { readId } from "./download-id.ts";
import { DownloadRef, toBody } from "./download-schema.ts";
import type { RouteContext } from "./index.ts";
import { DOWNLOAD_URL } from "./urls.ts";
import { validatorOf } from "./validate.ts";

const ChangeSchema = Type.Object(
  {
    state: Type.Optional(
      Type.Enum(["paused", "queued", "canceled"], {
        description: "Pause it; resume it, or try it again; give it up",
      }),
    ),
    priority: Type.Optional(PrioritySchema),
    url: Type.Optional(
      Type.String({
        ...UrlSchema,
        description:
          "Another URL of the same bytes; one of another origin is not sent the headers, which are dropped",
      }),
    ),
    speedLimit: Type.Optional(SpeedLimitSchema),
  },
  { additionalProperties: false },
);

const MERGE_PATCH = "application/merge-patch+json";

const schema = {
  summary: "Pause, resume, cancel or change a download",
  description:
    "Reaches the replica that runs it within a second. What its state does not allow: 409 `STATE_CONFLICT`.",
  tags: ["downloads"],
  params: Type.Object({ id: Type.String() }),
  body: {
    content: { "application/json": { schema: ChangeSchema }, [MERGE_PATCH]: { schema: ChangeSchema } },
  },
  response: { 200: DownloadRef, "4xx": ProblemSchema },
};

/** `PATCH /downloads/{id}`. */
export function addChange(app: App, context: RouteContext): void {
  const { store, policy, wake } = context;
  app.register(async (scope: App) => {
    scope.addContentTypeParser(
      MERGE_PATCH,
      { parseAs: "string" },
      scope.getDefaultJsonParser("error", "error"),
    );
    // The framework's own would leave out what the schema does not know.
    const options = { schema, validatorCompiler: () => () => true };
    scope.patch(DOWNLOAD_URL, options, async (request, reply) => {
      const id = readId(request.params);
      const { url, ...change } = readChange(request.body);
      const source = url === undefined ? undefined : readSource(url, policy);
      const changed = await store.change(id, { ...change, source });
      if (!changed) throw new DownloadUnknownError(id);
      wake();
      if (change.state === "canceled") await discardPartial(context, changed);
      return reply.send(toBody((await store.get(id)) ?? changed));
    });
  });
}

const validate = validatorOf(ChangeSchema, "A change");

function readChange(body: unknown): Static<typeof ChangeSchema> {
  const change = validate(body);
  if (Object.keys(change).length > 0) return change;
  throw new HttpError(400, "INVALID_REQUEST", "A change has a state, a priority, a url or a speedLimit.");
}
