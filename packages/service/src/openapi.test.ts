import { Type } from "typebox";
import { describe, expect, test } from "vitest";

import type { App } from "./app.ts";
import { noBody, ProblemSchema } from "./problem.ts";
import { testApp } from "./testing/app.ts";

interface Operation {
  readonly parameters?: readonly { in: string; name: string; required?: boolean }[];
  readonly responses: Readonly<Record<string, { description?: string; content?: Record<string, unknown> }>>;
}

interface Document {
  readonly openapi: string;
  readonly info: Record<string, unknown>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

async function documentOf(): Promise<Document> {
  const { app } = testApp((root) => {
    root.addHttpMethod("MKCOL", { hasBody: true });
    root.register(async (it: App) => {
      const response = { 200: Type.Object({ id: Type.String() }), "4xx": ProblemSchema };
      it.get("/items/:id", { schema: { response } }, () => ({ id: "1" }));
      it.delete("/items/:id", { schema: { response: { 204: noBody("Gone") } } }, (_request, reply) =>
        reply.code(204).send(undefined),
      );
      it.get("/files/*", () => "");
      it.route({ method: "MKCOL", url: "/files/*", handler: () => "" });
    });
  });
  const response = await app.inject("/openapi.json");
  expect(response.statusCode).toBe(200);
  expect(response.headers["content-type"]).toBe("application/json; charset=utf-8");
  return response.json<Document>();
}

describe("the API's description", () => {
  test("is an OpenAPI 3.1 document of this service", async () => {
    const { openapi, info } = await documentOf();
    expect(openapi).toMatch(/^3\.1\.\d+$/);
    expect(info).toMatchObject({ title: "Test", version: "1.2.3", description: "A service of a test" });
  });

  test("names every route, with nothing but methods that OpenAPI knows", async () => {
    const { paths } = await documentOf();
    expect(Object.keys(paths).toSorted()).toEqual(["/files/{path}", "/items/{id}", "/livez", "/readyz"]);
    const known = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace"]);
    const methods = Object.values(paths).flatMap((item) => Object.keys(item));
    expect(methods.filter((name) => !known.has(name) && !name.startsWith("x-"))).toEqual([]);
    expect(paths["/items/{id}"]).toHaveProperty("get");
    expect(paths["/items/{id}"]).toHaveProperty("delete");
    expect(paths["/files/{path}"]).toHaveProperty("x-mkcol");
  });

  test("declares the parameters of every path", async () => {
    const { paths } = await documentOf();
    for (const [path, item] of Object.entries(paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, required: true }));
      for (const { parameters = [] } of Object.values(item)) {
        const declared = parameters.filter((each) => each.in === "path");
        expect(declared.map(({ name, required }) => ({ name, required }))).toEqual(named);
      }
    }
  });

  test("has a description for every response, and its problem by name", async () => {
    const { paths, components } = await documentOf();
    for (const item of Object.values(paths)) {
      for (const { responses } of Object.values(item)) {
        for (const [status, { description }] of Object.entries(responses)) {
          expect(status).toMatch(/^(?:[1-5](?:\d\d|XX)|default)$/);
          expect(description).toEqual(expect.any(String));
        }
      }
    }
    expect(components.schemas).toHaveProperty("Problem");
    const problem = paths["/items/{id}"]?.["get"]?.responses["4XX"];
    expect(JSON.stringify(problem)).toContain('"#/components/schemas/Problem"');
    expect(Object.keys(problem?.content ?? {})).toEqual(["application/problem+json"]);
  });

  test("gives a response without a body no content", async () => {
    const { paths } = await documentOf();
    const gone = paths["/items/{id}"]?.["delete"]?.responses["204"];
    expect(gone).toEqual({ description: "Gone" });
  });

  test("refers to nothing that it does not contain", async () => {
    const document = await documentOf();
    for (const [, name = ""] of JSON.stringify(document).matchAll(
      /"\$ref":"#\/components\/schemas\/([^"]*)"/g,
    )) {
      expect(Object.keys(document.components.schemas)).toContain(name);
    }
  });
});

describe("the page that shows it", () => {
  test("loads nothing from elsewhere, and may not", async () => {
    const { app } = testApp();
    const page = await app.inject({ url: "/docs", headers: { accept: "text/html" } });
    const final = page.statusCode === 200 ? page : await app.inject(page.headers.location ?? "");
    expect(final.statusCode).toBe(200);
    expect(final.headers["content-type"]).toMatch(/^text\/html/);
    const policy = String(final.headers["content-security-policy"]);
    expect(policy).toMatch(/default-src 'self'/);
    expect(policy).toMatch(/script-src[^;]* 'self'/);
    expect(policy).not.toMatch(/script-src[^;]*'unsafe-/);
    const links = [...final.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = ""]) => link);
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((link) => /^(?:[a-z]+:)?\/\//i.test(link))).toEqual([]);
    for (const link of links) {
      const asset = await app.inject(new URL(link, "http://a/docs").pathname);
      expect({ link, status: asset.statusCode }).toEqual({ link, status: 200 });
    }
  });

  test("shows the description of this service", async () => {
    const { app } = testApp();
    const description = await app.inject("/docs/json");
    expect(description.json()).toEqual((await app.inject("/openapi.json")).json());
  });
});
