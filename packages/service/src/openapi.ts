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
  });
  app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true, logLevel: "warn" });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
}
