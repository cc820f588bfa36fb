export { createApp, type App, type AppOptions } from "./app.ts";
export * from "./config.ts";
export { Health, type Checks } from "./health.ts";
export { createLogger, type Logger } from "./logger.ts";
export { Counter, createRegistry, Gauge, Histogram, type Registry } from "./metrics.ts";
export type { ApiInfo } from "./openapi.ts";
export {
  HttpError,
  internalError,
  noBody,
  problemOf,
  ProblemSchema,
  sendProblem,
  toHttpError,
  type Problem,
  type StatusTable,
} from "./problem.ts";
export { acceptBody } from "./request-body.ts";
export { runService, type Foundation, type Service } from "./run.ts";
export * from "./service-config.ts";
