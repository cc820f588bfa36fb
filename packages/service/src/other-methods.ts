import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { HttpError, sendProblem } from "./problem.ts";

/**
 * Answers what no route took: `OPTIONS` with what a resource allows, 405 for another method on one that exists, and 404
 * for the rest (RFC 9110 §9.3.7, §15.5.6).
 */
export function answerOtherMethods(app: FastifyInstance): void {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook("onRoute", ({ url, method }) => {
    const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const each of [method].flat()) route.methods.add(each);
    routes.set(url, route);
  });

  const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split("?", 1)[0] ?? "";
    const matching = [...routes.values()].filter(({ pattern }) => pattern.test(path));
    const methods = new Set(matching.flatMap((route) => Array.from(route.methods)));
    // Where a route has the method, it was asked and gave the request back: there is nothing.
    if (methods.size === 0 || methods.has(request.method)) {
      return sendProblem(request, reply, new HttpError(404, "NOT_FOUND", `There is nothing at ${path}.`));
    }
    const allow = [...methods.add("OPTIONS")].toSorted().join(", ");
    if (request.method === "OPTIONS") return reply.code(204).header("allow", allow).send();
    const detail = `${request.method} is not possible here; ${allow} are.`;
    return sendProblem(
      request,
      reply,
      new HttpError(405, "METHOD_NOT_ALLOWED", detail, { headers: { allow } }),
    );
  };
  // Before the body is asked for, or judged by its media type: neither would change the answer.
  app.addHook("onRequest", async (request, reply) => (request.is404 ? answer(request, reply) : undefined));
  app.setNotFoundHandler(answer);
}

function patternOf(url: string): RegExp {
  const escaped = url.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/:[^/]+/g, "[^/]+").replaceAll("*", ".*")}$`);
}
