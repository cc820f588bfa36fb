import { noBody, type App } from "@wharf/service";

const schema = { summary: "On to the files", tags: ["files"], response: { 302: noBody("To /files/") } };

/** `GET /`: on to the files. */
export function addHome(app: App): void {
  app.get("/", { schema }, (_request, reply) => reply.redirect("/files/", 302));
}
