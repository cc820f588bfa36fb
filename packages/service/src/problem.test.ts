import { describe, expect, test } from "vitest";

import { HttpError, toHttpError } from "./problem.ts";
import { testApp } from "./testing/app.ts";

const PROBLEM = "application/problem+json; charset=utf-8";

class DomainError extends Error {
  readonly code = "SHELF_FULL";
}

describe("an error is answered", () => {
  function thrower(error: unknown) {
    return testApp(
      (app) => {
        app.get("/", () => {
          throw error;
        });
      },
      { statuses: { SHELF_FULL: 507 } },
    );
  }

  test("as a problem whose status is the response's", async () => {
    const { app } = thrower(new HttpError(418, "TEAPOT", "Short and stout."));
    const response = await app.inject({ url: "/", headers: { "x-request-id": "abc" } });
    expect(response.statusCode).toBe(418);
    expect(response.headers["content-type"]).toBe(PROBLEM);
    expect(response.json()).toEqual({
      type: "urn:wharf:problem:TEAPOT",
      title: "I'm a Teapot",
      status: 418,
      detail: "Short and stout.",
      instance: "urn:wharf:request:abc",
      code: "TEAPOT",
    });
  });

  test("with the headers and members it brings", async () => {
    const extra = { headers: { "retry-after": "7" }, members: { files: [1] } };
    const { app } = thrower(new HttpError(503, "BUSY", "Later.", extra));
    const response = await app.inject("/");
    expect(response.headers["retry-after"]).toBe("7");
    expect(response.json()).toMatchObject({ status: 503, code: "BUSY", files: [1] });
  });

  test("by the application's table when its code is there", async () => {
    const { app } = thrower(new DomainError("No room on the shelf."));
    const response = await app.inject("/");
    expect(response.statusCode).toBe(507);
    expect(response.json()).toMatchObject({
      title: "Insufficient Storage",
      status: 507,
      code: "SHELF_FULL",
      detail: "No room on the shelf.",
    });
  });

  test.each([
    ["an error", new Error("secret path /srv/x")],
    ["an error of the system", Object.assign(new Error("secret path /srv/x"), { code: "EMFILE" })],
    ["a 5xx of a library", Object.assign(new Error("secret path /srv/x"), { code: "LIB", statusCode: 502 })],
    ["something that is no error", "secret path /srv/x"],
  ])("without a word of what went wrong when nobody knows it: %s", async (_what, thrown) => {
    const { app, log } = thrower(thrown);
    const response = await app.inject("/");
    expect(response.statusCode).toBe(500);
    expect(response.headers["content-type"]).toBe(PROBLEM);
    expect(response.json()).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(response.body).not.toContain("secret");
    expect(log.filter(({ level }) => level === 50)).toEqual([
      expect.objectContaining({ requestId: response.headers["x-request-id"] }),
    ]);
    expect(JSON.stringify(log)).toContain("secret path /srv/x");
  });

  test("with its stack in the log", async () => {
    const { app, log } = thrower(new Error("unknown"));
    await app.inject("/");
    expect(log.find(({ level }) => level === 50)?.["err"]).toMatchObject({
      type: "Error",
      stack: expect.stringContaining("problem.test.ts") as string,
    });
  });
});

describe("what the framework refuses is a problem too", () => {
  const schema = {
    body: { type: "object", required: ["url"], properties: { url: { type: "string" } } },
    querystring: { type: "object", properties: { limit: { type: "integer" } } },
  };
  const { post, get } = { post: "POST", get: "GET" } as const;
  const json = { "content-type": "application/json" };
  test.each([
    ["a body that is no JSON", { method: post, headers: json, payload: "{" }, 400, "INVALID_JSON"],
    ["an empty body", { method: post, headers: json, payload: "" }, 400, "INVALID_JSON"],
    [
      "a key that would change prototypes",
      { method: post, headers: json, payload: '{"__proto__":{}}' },
      400,
      "INVALID_JSON",
    ],
    [
      "an unknown media type",
      { method: post, headers: { "content-type": "a/b" }, payload: "x" },
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    [
      "a media type that is none",
      { method: post, headers: { "content-type": "x" }, payload: "x" },
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    ["a body that does not fit its schema", { method: post, payload: { URL: 1 } }, 400, "INVALID_REQUEST"],
    ["a query that does not fit its schema", { method: get, query: { limit: "x" } }, 400, "INVALID_REQUEST"],
    ["a body that is too large", { method: post, payload: { url: "x".repeat(2 ** 20) } }, 413, "TOO_LARGE"],
  ])("%s", async (_what, request, status, code) => {
    const { app } = testApp((it) => {
      it.post("/items", { schema }, () => "never");
      it.get("/items", { schema: { querystring: schema.querystring } }, () => "never");
    });
    const response = await app.inject({ url: "/items", ...request });
    expect(response.statusCode).toBe(status);
    expect(response.headers["content-type"]).toBe(PROBLEM);
    expect(response.json()).toMatchObject({ status, code });
    expect(response.headers["x-request-id"]).toBeTruthy();
  });

  test("a URL that cannot be decoded, with everything that a response has", async () => {
    const { app, log } = testApp((it) => it.get("/items/:id", () => "never"));
    const response = await app.inject({ url: "/items/%E0%A4%A", headers: { "x-request-id": "abc" } });
    expect(response.statusCode).toBe(400);
    expect(response.headers).toMatchObject({ "content-type": PROBLEM, "x-request-id": "abc" });
    expect(response.headers["x-served-by"]).toBeTruthy();
    expect(response.json()).toMatchObject({ status: 400, code: "PATH_INVALID" });
    expect(log).toContainEqual(expect.objectContaining({ status: 400, requestId: "abc" }));
  });
});

describe("an error is not told to clients", () => {
  test.each([undefined, null, "text", {}, new Error("plain"), Object.assign(new Error("x"), { code: 5 })])(
    "%#: %s",
    (error) => {
      expect(toHttpError(error, { x: 400 })).toBeUndefined();
    },
  );

  test("because its code is a property that every object has", () => {
    expect(toHttpError(Object.assign(new Error("x"), { code: "constructor" }), {})).toBeUndefined();
  });
});
