import type { App } from "@wharf/service";

/**
 * Leaves the bodies of a scope's requests to its handlers, whatever they are said to be: Fastify would parse JSON and
 * text, with limits meant for those, and refuse what is no media type.
 */
export function leaveBodies(scope: App): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  scope.addHook("onRequest", async ({ headers }) => {
    if (headers["content-type"] !== undefined) headers["content-type"] = "application/octet-stream";
  });
}
