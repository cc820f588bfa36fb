import { describe, expect, test } from "vitest";

import { Health } from "./health.ts";
import { createManagementApp, createRegistry } from "./metrics.ts";
import { listen, testApp } from "./testing/app.ts";
import { RawClient } from "./testing/raw-client.ts";

describe("the management port", () => {
  test("shows the metrics in Prometheus' text format", async () => {
    const app = createManagementApp(new Health({}), createRegistry());
    const response = await app.inject("/metrics");
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(response.body).toMatch(/^# TYPE process_cpu_seconds_total counter$/m);
    expect(response.body).toMatch(/^nodejs_eventloop_lag_seconds [\d.e+-]+$/m);
  });

  test("answers for the process' health", async () => {
    const health = new Health({});
    const app = createManagementApp(health, createRegistry());
    expect((await app.inject("/livez")).statusCode).toBe(200);
    expect((await app.inject("/readyz")).statusCode).toBe(200);
    health.isDraining = true;
    expect((await app.inject("/livez")).statusCode).toBe(200);
    expect((await app.inject("/readyz")).statusCode).toBe(503);
  });

  test.each([
    ["GET", "/", 404, "NOT_FOUND"],
    ["GET", "/files/", 404, "NOT_FOUND"],
    ["POST", "/metrics", 405, "METHOD_NOT_ALLOWED"],
  ] as const)("has nothing else: %s %s", async (method, url, status, code) => {
    const response = await createManagementApp(new Health({}), createRegistry()).inject({ method, url });
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ status, code });
  });
});

describe("requests are counted", () => {
  test("by method, route and status, whatever their URLs", async () => {
    const { app, registry } = testApp((it) => it.get("/items/:id", () => "item"));
    for (const url of ["/items/1", "/items/2?x=1", "/nothing", "/nothing/else"]) await app.inject(url);
    const text = await registry.metrics();
    expect(text).toContain('_count{method="GET",route="/items/:id",status="200"} 2');
    expect(text).toContain('_count{method="GET",route="none",status="404"} 2');
    expect(text).not.toContain("/items/1");
  });

  test("also when their client goes away", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const { app, registry } = testApp((it) =>
      it.get("/slow", () => {
        arrive();
        return new Promise(() => undefined);
      }),
    );
    const client = await RawClient.open(await listen(app));
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    await arrived;
    client.socket.destroy();
    await expect
      .poll(() => registry.metrics())
      .toContain('_count{method="GET",route="/slow",status="aborted"} 1');
  });

  test("and not shown to users", async () => {
    const { app } = testApp();
    expect((await app.inject("/metrics")).statusCode).toBe(404);
  });
});
