import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { toHttpError } from "@wharf/service";
import { RawClient } from "@wharf/service/testing/raw-client";
import { fromSystem } from "@wharf/volume";
import { describe, expect, test } from "vitest";

import { STATUSES } from "./statuses.ts";
import { listen, testFileserver } from "./testing/fileserver.ts";

describe("readiness", () => {
  test("is given on a volume that can be written, which it leaves as it was", async () => {
    const { app, directory } = await testFileserver();
    const response = await app.inject("/readyz");
    expect(response.statusCode).toBe(200);
    const listing = await app.inject({ url: "/files/", headers: { accept: "application/json" } });
    expect(listing.json()).toEqual({ path: "/", entries: [], next: null });
    expect(readdirSync(directory)).toEqual([".wharf"]);
  });

  test("is refused below the free-space floor, while reading goes on", async () => {
    const { app, directory } = await testFileserver({ MIN_FREE_BYTES: "4000T" });
    writeFileSync(join(directory, "a"), "read");
    const response = await app.inject("/readyz");
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({
      code: "NOT_READY",
      checks: { volume: expect.any(String) as string },
    });
    expect((await app.inject("/livez")).statusCode).toBe(200);
    expect((await app.inject("/files/a")).body).toBe("read");
  });

  test("is refused while the volume is not there, and given when it is again", async () => {
    const { app, directory } = await testFileserver();
    rmSync(directory, { recursive: true });
    const gone = await app.inject("/readyz");
    expect(gone.statusCode).toBe(503);
    expect(gone.body).not.toContain(directory);
    expect((await app.inject("/livez")).statusCode).toBe(200);
    mkdirSync(directory);
    expect((await app.inject("/readyz")).statusCode).toBe(200);
    expect((await app.inject({ method: "PUT", url: "/files/a", payload: "x" })).statusCode).toBe(201);
  });

  test("ends when the process is about to", async () => {
    const { app, health } = await testFileserver();
    health.isDraining = true;
    expect((await app.inject("/readyz")).statusCode).toBe(503);
  });
});

test("what the system does not let the service at is 403, without a word of where it is", () => {
  // Root may do everything, so the system's answer is given by hand.
  const system = Object.assign(new Error("EACCES: permission denied, open '/srv/secret'"), {
    code: "EACCES",
  });
  const answer = toHttpError(fromSystem(system, "/secret"), STATUSES);
  expect(answer).toMatchObject({ status: 403, code: "PERMISSION_DENIED" });
  expect(answer?.message).toContain("/secret");
  expect(answer?.message).not.toContain("/srv");
});

test("the description names every route of the contract", async () => {
  const { app } = await testFileserver();
  const { paths } = (await app.inject("/openapi.json")).json<{
    paths: Record<string, Record<string, unknown>>;
  }>();
  expect(Object.keys(paths["/files/{path}"] ?? {}).toSorted()).toEqual([
    "delete",
    "get",
    "head",
    "post",
    "put",
    "x-mkcol",
  ]);
  for (const operation of Object.values(paths["/files/{path}"] ?? {})) {
    expect(operation).toMatchObject({
      summary: expect.any(String) as string,
      parameters: expect.arrayContaining([expect.objectContaining({ in: "path", name: "path" })]) as unknown,
    });
  }
  expect(paths).toHaveProperty("/livez");
  expect(paths).toHaveProperty("/readyz");
});

test("a request on an open connection is answered while the service closes, and told to connect anew", async () => {
  const { app, directory } = await testFileserver();
  writeFileSync(join(directory, "large"), Buffer.alloc(32 * 2 ** 20, "x"));
  const client = await RawClient.open(await listen(app));
  client.socket.pause();
  client.send("GET /files/large HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(async () => (await app.inject("/readyz")).statusCode).toBe(200);
  client.socket.once("readable", () => undefined);
  await new Promise((resolve) => client.socket.once("readable", resolve));
  const closed = app.close();
  client.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  client.socket.resume();
  await client.untilEnded();
  await closed;
  expect(client.received).toMatch(
    /xHTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n[^]*\{"status":"ok"\}\n?$/i,
  );
});
