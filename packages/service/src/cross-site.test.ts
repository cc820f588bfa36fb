import { describe, expect, test } from "vitest";

import { testApp } from "./testing/app.ts";

type Headers = Record<string, string>;

const trustProxy = ["127.0.0.1"];

async function statusOf(
  method: "GET" | "HEAD" | "POST" | "DELETE" | "OPTIONS",
  headers: Headers,
  trusts = false,
) {
  const { app } = testApp(
    (it) => it.route({ method: ["GET", "POST", "DELETE"], url: "/", handler: () => "done" }),
    trusts ? { trustProxy } : {},
  );
  const response = await app.inject({ method, url: "/", headers });
  return response.statusCode;
}

test("another site's page is told so", async () => {
  const { app } = testApp((it) => it.post("/", () => "done"));
  const headers = { "sec-fetch-site": "cross-site" };
  const response = await app.inject({ method: "POST", url: "/", headers });
  expect(response.json()).toMatchObject({ status: 403, code: "CROSS_SITE" });
});

describe("another site's page may not change anything", () => {
  test.each<[string, Headers]>([
    ["a form of another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }],
    ["a form of a sibling", { "sec-fetch-site": "same-site" }],
    ["a browser that only tells the origin", { origin: "https://evil.example", host: "files.example" }],
    ["another port", { origin: "http://files.example:3000", host: "files.example:8080" }],
    ["a sandboxed page", { origin: "null", host: "files.example" }],
    ["a host that only begins alike", { origin: "http://files.example.evil.example", host: "files.example" }],
    [
      "a forwarded host from nobody we trust",
      { origin: "http://a.example", "x-forwarded-host": "a.example", host: "b" },
    ],
  ])("%s", async (_what, headers) => {
    expect(await statusOf("POST", headers)).toBe(403);
    expect(await statusOf("DELETE", headers)).toBe(403);
    expect(await statusOf("GET", headers)).toBe(200);
    expect(await statusOf("HEAD", headers)).toBe(200);
    expect(await statusOf("OPTIONS", headers)).toBe(204);
  });
});

describe("nobody else is kept from it", () => {
  test.each<[string, Headers]>([
    ["a program", {}],
    [
      "our own page",
      { "sec-fetch-site": "same-origin", origin: "http://files.example", host: "files.example" },
    ],
    ["a person", { "sec-fetch-site": "none" }],
    ["our own page in a browser that only tells the origin", { origin: "http://a:8080", host: "a:8080" }],
    ["our own page behind TLS that ends before us", { origin: "https://a.example", host: "a.example" }],
    ["our own page under a name in capitals", { origin: "http://a.example", host: "A.Example" }],
    ["our own page with the port written out", { origin: "https://a.example", host: "a.example:443" }],
  ])("%s", async (_what, headers) => {
    expect(await statusOf("POST", headers)).toBe(200);
  });

  test("our own page behind a proxy that asks for another host, when we trust it", async () => {
    const headers = { origin: "http://a.example", "x-forwarded-host": "a.example", host: "fileserver:8080" };
    expect(await statusOf("POST", headers, true)).toBe(200);
  });
});
