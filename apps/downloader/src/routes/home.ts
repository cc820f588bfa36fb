import { noBody, type App } from "@wharf/service";

const schema = { summary: "On to the API", tags: ["downloads"], response: { 302: noBody("To /docs") } };

/** `GET /`: on to the description of the API. */
export function addHome(app: App): void {
  app.get("/", { schema }, (_request, reply) => reply.redirect("/docs", 302));
}
