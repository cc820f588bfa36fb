import { fastify, type FastifyInstance } from "fastify";
import { collectDefaultMetrics, Histogram, Registry } from "prom-client";

import { addHealthRoutes, type Health } from "./health.ts";
import { answerOtherMethods } from "./other-methods.ts";
import { answerWithProblems } from "./problem.ts";
import { whenOver } from "./when-over.ts";

// An application counts with the same library that its registry is made of.
export { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** A registry with what Node tells of itself. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Times every request, by method, route and status. */
export function measureRequests(app: FastifyInstance, registry: Registry): void {
  const seconds = new Histogram({
    name: "http_request_duration_seconds",
    help: "From the first byte of a request to the last of its answer",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 600],
    registers: [registry],
  });
  app.addHook("onRequest", async (request, reply) => {
    const { method, routeOptions } = request;
    whenOver(reply, (isWhole) => {
      const status = isWhole ? reply.statusCode : "aborted";
      seconds.observe({ method, route: routeOptions.url ?? "none", status }, reply.elapsedTime / 1000);
    });
  });
}

/** The management port: what a cluster asks of a process, kept away from its users. */
export function createManagementApp(health: Health, registry: Registry): FastifyInstance {
  const app = fastify({ forceCloseConnections: true });
  answerWithProblems(app, {});
  answerOtherMethods(app);
  addHealthRoutes(app, health);
  app.get("/metrics", async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  return app;
}
