// A service for run.test.ts, which runs it as a process of its own: `runService` is made of signals and exits.
import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { createApp, type App } from "../app.ts";
import { integer, readEnvironment } from "../config.ts";
import { Health } from "../health.ts";
import { runService } from "../run.ts";
import { serviceRules, serviceVariables } from "../service-config.ts";
import { endAtOnce } from "../signals.ts";

endAtOnce(process);

const variables = {
  ...serviceVariables({ port: 8080, metricsPort: 9080, volumeDirectory: "/nonexistent" }),
  startMs: integer("START_MS", 0, { min: 0, max: 60_000 }),
  closeMs: integer("CLOSE_MS", 0, { min: 0, max: 60_000 }),
};

await runService(
  process,
  "fixture",
  (env) => readEnvironment(env, variables, serviceRules),
  async (config, { logger, registry }) => {
    await mkdir(config.volumeDirectory, { recursive: false }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    if (config.startMs > 0) logger.info("starting");
    await sleep(config.startMs);
    const health = new Health({});
    const api = { title: "Fixture", version: "0", description: "" };
    const app = createApp({ logger, health, registry, api, statuses: {}, trustProxy: config.trustProxy });
    addRoutes(app);
    return { app, health, close: () => sleep(config.closeMs) };
  },
);

function addRoutes(app: App): void {
  app.get("/", () => "here");
  app.get<{ Params: { bytes: string } }>("/big/:bytes", (request) =>
    Buffer.alloc(Number(request.params.bytes), "."),
  );
  // Answers after as many milliseconds as are asked for; the first bytes at once, so that a test sees it run.
  app.get<{ Params: { ms: string } }>("/slow/:ms", async (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { "content-length": 10 });
    reply.raw.write("begun");
    await sleep(Number(request.params.ms));
    reply.raw.end("ended");
  });
}
