import type { AddressInfo } from "node:net";

import { pino } from "pino";
import type { Registry } from "prom-client";
import { onTestFinished } from "vitest";

import { createApp, type App, type AppOptions } from "../app.ts";
import { Health } from "../health.ts";
import { createRegistry } from "../metrics.ts";
import { acceptBody } from "../request-body.ts";

export type LogLine = Readonly<Record<string, unknown>>;

export interface TestApp {
  readonly app: App;
  readonly health: Health;
  readonly registry: Registry;
  /** Every line that was logged, as it was written. */
  readonly log: readonly LogLine[];
}

/** An app that is closed when the test ends. */
export function testApp(
  addRoutes: (app: App) => void = () => undefined,
  options: Partial<AppOptions> = {},
): TestApp {
  const log: LogLine[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => log.push(JSON.parse(line) as LogLine) });
  const health = options.health ?? new Health({});
  const registry = createRegistry();
  const app = createApp({
    logger,
    health,
    registry,
    api: { title: "Test", version: "1.2.3", description: "A service of a test" },
    statuses: {},
    trustProxy: [],
    ...options,
  });
  addRoutes(app);
  onTestFinished(async () => {
    app.server.closeAllConnections();
    await app.close();
  });
  return { app, health, registry, log };
}

/** Listens on a free port of this machine, and resolves to it. */
export async function listen(app: App): Promise<number> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as AddressInfo).port;
}

/** A route that counts the bytes of a body it reads itself, and refuses one that says so in its URL. */
export function addBodyRoute(app: App): void {
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    scope.put("/refuse", { config: { readsBody: true } }, (_request, reply) =>
      reply.code(507).send({ refused: true }),
    );
    scope.put("/count", { config: { readsBody: true } }, async (request, reply) => {
      acceptBody(request, reply);
      let bytes = 0;
      for await (const chunk of request.raw) bytes += (chunk as Buffer).length;
      return { bytes };
    });
  });
}
