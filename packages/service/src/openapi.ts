import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";

import { ProblemSchema } from "./problem.ts";

export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

/** `/openapi.json`, made of the routes' schemas, and `/docs`, a page to read it and try it. */
export function describeApi(app: FastifyInstance, info: ApiInfo): void {
  app.addSchema(ProblemSchema);
  app.register(swagger, {
    openapi: { openapi: "3.1.0", info: { ...info, license: { name: "MIT", identifier: "MIT" } } },
    // Without this the document would call a schema "def-0".
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json["$id"] === "string" ? json["$id"] : `def-${index}`,
    },
    transform: ({ schema, url }) => ({ schema, url: url.replace("*", ":path") }),
    transformObject: (document) => {
      const described = "openapiObject" in document ? document.openapiObject : document.swaggerObject;
      for (const item of Object.values(described.paths ?? {})) if (item) correct(item as PathItem);
      return described;
    },
  });
  app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true, logLevel: "warn" });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
}

type PathItem = Record<string, { responses?: Record<string, { content?: unknown }> }>;

/** What a path may be asked (OpenAPI 3.1 §4.8.9); the rest must be marked as an extension. */
const METHODS = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace"]);
const PROBLEM = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };

/** Sets right what the generator takes for granted: that methods are HTTP's first ones, and that answers are JSON. */
function correct(item: PathItem): void {
  for (const [method, operation] of Object.entries(item)) {
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      if (/^[45]/.test(status)) response.content = PROBLEM;
    }
    if (METHODS.has(method)) continue;
    delete item[method];
    item[`x-${method}`] = operation;
  }
}
