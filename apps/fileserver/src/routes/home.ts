import { noBody, type App } from "@wharf/service";

import { queryOf } from "./path.ts";

const schema = { summary: "On to the files", tags: ["files"], response: { 302: noBody("To /files/") } };

/** `GET /`: on to the files; and `/files`, which like any directory's URL has a slash at its end. */
export function addHome(app: App): void {
  app.get("/", { schema }, (_request, reply) => reply.redirect("/files/", 302));
  app.get("/files", { schema: { ...schema, response: { 308: noBody("To /files/") } } }, (request, reply) =>
    reply.redirect(`/files/${queryOf(request.url)}`, 308),
  );
}
