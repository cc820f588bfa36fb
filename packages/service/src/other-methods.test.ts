import { describe, expect, test } from "vitest";

import { listen, testApp, type TestApp } from "./testing/app.ts";
import { RawClient } from "./testing/raw-client.ts";

function items(): TestApp {
  return testApp((app) => {
    app.get("/items/:id", () => "item");
    app.delete("/items/:id", () => "gone");
    app.put("/files/*", () => "stored");
    app.get("/plain.txt", () => "plain");
  });
}

describe("a method that a resource does not have", () => {
  test.each([
    ["POST", "/items/5", "DELETE, GET, HEAD, OPTIONS"],
    ["PATCH", "/items/5?x=1", "DELETE, GET, HEAD, OPTIONS"],
    ["DELETE", "/files/a/b/c", "OPTIONS, PUT"],
    ["PROPFIND", "/files/a", "OPTIONS, PUT"],
  ] as const)("%s %s is answered with those it has", async (method, url, allow) => {
    const { app } = items();
    const client = await RawClient.open(await listen(app));
    client.send(`${method} ${url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 405 /);
    expect(client.received).toMatch(new RegExp(`^allow: ${allow}$`, "im"));
    expect(client.received).toContain('"code":"METHOD_NOT_ALLOWED"');
  });
});

test.each([
  ["/items/5", "DELETE, GET, HEAD, OPTIONS"],
  ["/files/a/b", "OPTIONS, PUT"],
  ["/plain.txt", "GET, HEAD, OPTIONS"],
  ["/livez", "GET, HEAD, OPTIONS"],
])("OPTIONS %s names what it allows", async (url, allow) => {
  const { app } = items();
  const response = await app.inject({ method: "OPTIONS", url });
  expect(response.statusCode).toBe(204);
  expect(response.headers.allow).toBe(allow);
  expect(response.body).toBe("");
});

test.each([
  "/",
  "/items",
  "/items/5/6",
  "/plainXtxt",
  "//items/5",
  "/files",
  "/ITEMS/5",
  "/docs/static/no-such.js",
])("GET %s is not there", async (url) => {
  const { app } = items();
  const response = await app.inject(url);
  expect(response.statusCode).toBe(404);
  expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  expect(response.json()).toMatchObject({ status: 404, code: "NOT_FOUND" });
});

describe("a body in whatever media type does not change what is wrong", () => {
  const types = ["text/plain", "application/xml", "application/json", "nonsense", "multipart/form-data"];
  test.each(types)("%s", async (type) => {
    const { app } = items();
    const request = { method: "POST", headers: { "content-type": type }, payload: "{" } as const;
    expect((await app.inject({ ...request, url: "/nowhere" })).statusCode).toBe(404);
    expect((await app.inject({ ...request, url: "/items/5" })).statusCode).toBe(405);
    const options = await app.inject({ ...request, method: "OPTIONS", url: "/items/5" });
    expect(options.statusCode).toBe(204);
  });
});

test.each(["/nowhere", "/items/5"])(
  "a client that waits to be asked for its body is not asked at %s",
  async (url) => {
    const { app } = items();
    const client = await RawClient.open(await listen(app));
    client.send(
      `POST ${url} HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
    );
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 40[45] /);
    expect(client.received).not.toContain("100 Continue");
  },
);

test("a target that is no path is answered like any other", async () => {
  const { app } = items();
  const port = await listen(app);
  for (const target of ["*", "items"]) {
    const client = await RawClient.open(port);
    client.send(`OPTIONS ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 (?:404|400) [^]*problem\+json/);
  }
});
