import type { FastifyInstance } from "fastify";

import { HttpError, sendProblem } from "./problem.ts";

/**
 * Answers what no route took: `OPTIONS` with what a resource allows, 405 for another method on one that exists, and 404
 * for the rest (RFC 9110 §9.3.7, §15.5.6).
 */
export function answerOtherMethods(app: FastifyInstance): void {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook("onRoute", ({ url, method }) => {
    const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set(["OPTIONS"]) };
    for (const each of [method].flat()) route.methods.add(each);
    routes.set(url, route);
  });

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    const matching = [...routes.values()].find(({ pattern }) => pattern.test(path));
    if (!matching) {
      return sendProblem(request, reply, new HttpError(404, "NOT_FOUND", `There is nothing at ${path}.`));
    }
    const allow = [...matching.methods].toSorted().join(", ");
    if (request.method === "OPTIONS") return reply.code(204).header("allow", allow).send();
    const detail = `${request.method} is not possible here; ${allow} are.`;
    return sendProblem(
      request,
      reply,
      new HttpError(405, "METHOD_NOT_ALLOWED", detail, { headers: { allow } }),
    );
  });
}

function patternOf(url: string): RegExp {
  const escaped = url.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/:[^/]+/g, "[^/]+").replaceAll("*", ".*")}$`);
}
