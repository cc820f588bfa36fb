import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";

import { noiseBuffer, sha256 } from "./harness/content.ts";
import { useFolder } from "./harness/folder.ts";
import { expectProblem, send } from "./harness/http.ts";
import { describeWith, ownServices } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { dial, parseResponses, readAll } from "./harness/raw.ts";
import { startService, type AppName, type Service } from "./harness/service.ts";

describeWith("an orderly end", [ownServices], () => {
  const volume = useFolder();
  const started: Service[] = [];
  const start = async (app: AppName, env: Record<string, string> = {}): Promise<Service> => {
    const service = await startService(app, { VOLUME_DIR: volume.path, ...env });
    started.push(service);
    return service;
  };
  afterEach(async () => {
    await Promise.all(started.splice(0).map((service) => service.end("SIGKILL")));
  });

  it.each([
    ["fileserver", "SIGTERM"],
    ["fileserver", "SIGINT"],
    ["downloader", "SIGTERM"],
    ["downloader", "SIGINT"],
  ] as const)("the idle %s ends within a second of %s, with code 0", async (app, signal) => {
    const service = await start(app);
    await send("GET", `${service.url}/livez`); // leaves a connection open that nothing runs on
    const begun = performance.now();
    expect(await service.end(signal)).toEqual({ code: 0, signal: null });
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  /** Begins an upload; `finish` sends the rest and resolves to the answer's status. */
  const beginUpload = async (url: string, body: Buffer) => {
    const socket = await dial(url);
    const answer = readAll(socket);
    socket.write(
      `PUT ${new URL(url).pathname} HTTP/1.1\r\nHost: e2e\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.subarray(0, body.length / 2));
    await sleep(200);
    const finish = async (): Promise<number | undefined> => {
      socket.write(body.subarray(body.length / 2));
      return parseResponses(await answer)[0]?.status;
    };
    return { finish, answer };
  };

  it("SIGTERM during an upload lets it finish, acknowledges it, and ends", async () => {
    const service = await start("fileserver", { SHUTDOWN_GRACE_MS: "10000" });
    const body = noiseBuffer(2_000_000, "graceful");
    const upload = await beginUpload(`${service.url}/files/graceful.bin`, body);
    const ended = service.end("SIGTERM");
    await sleep(1_000);
    expect(await upload.finish()).toBe(201);
    expect(await ended).toEqual({ code: 0, signal: null });
    const next = await start("fileserver");
    expect(sha256((await send("GET", `${next.url}/files/graceful.bin`)).body)).toBe(sha256(body));
  });

  it.each([
    { signal: "SIGTERM", graceMs: 1_000, limitMs: 2_500 },
    { signal: "SIGINT", graceMs: 25_000, limitMs: 1_000 },
  ] as const)(
    "$signal waits for a stalled upload for its grace only, and leaves nothing of it",
    async ({ signal, graceMs, limitMs }) => {
      const service = await start("fileserver", { SHUTDOWN_GRACE_MS: String(graceMs) });
      await beginUpload(`${service.url}/files/stalled.bin`, noiseBuffer(100_000, "stalled"));
      const begun = performance.now();
      expect(await service.end(signal)).toEqual({ code: 0, signal: null });
      expect(performance.now() - begun).toBeLessThan(limitMs);
      const next = await start("fileserver");
      expect((await send("GET", `${next.url}/files/stalled.bin`)).status).toBe(404);
    },
  );

  it("during SHUTDOWN_DELAY_MS the service is not ready and still serves", async () => {
    const service = await start("fileserver", { SHUTDOWN_DELAY_MS: "2000" });
    expect((await send("GET", `${service.url}/readyz`)).status).toBe(200);
    const begun = performance.now();
    const ended = service.end("SIGTERM");
    await until("it is not ready", async () => (await send("GET", `${service.url}/readyz`)).status === 503);
    expectProblem(await send("GET", `${service.url}/readyz`), 503, "NOT_READY");
    expect((await send("GET", `${service.url}/livez`)).status).toBe(200);
    expect((await send("PUT", `${service.url}/files/late.txt`, { body: "late" })).status).toBe(201);
    const late = await send("GET", `${service.url}/files/late.txt`);
    expect(late).toMatchObject({ status: 200, headers: { connection: "close" } });
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(2_000);
  });
});
