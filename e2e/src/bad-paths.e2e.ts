import { describe, expect, it } from "vitest";

import { useFileserver } from "./harness/fileserver.ts";
import { expectProblem, json, send } from "./harness/http.ts";
import { sendPath } from "./harness/raw.ts";

const METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "MKCOL"] as const;
const FORM = "Content-Type: multipart/form-data; boundary=b\r\n";

const INVALID = [
  "/files/../etc/passwd",
  "/files/a/../../etc/passwd",
  "/files/..",
  "/files/a/..",
  "/files/./a",
  "/files/a/.",
  "/files/%2e%2e/etc/passwd",
  "/files/%2E%2E/%2E%2E/etc/passwd",
  "/files/.%2e/etc/passwd",
  "/files/%2e/a",
  "/files//a",
  "/files/a//b",
  "/files//",
  "/files///etc/passwd",
  "/files/a%00b",
  "/files/%00",
  "/files/a%0Ab",
  "/files/a%0D%0Ab",
  "/files/a%1Fb",
  "/files/a%7Fb",
  "/files/a%5Cb",
  "/files/a\\b",
  "/files/..%5C..%5Cetc",
  "/files/a%2Fb",
  "/files/a%2fb",
  "/files/..%2F..%2Fetc%2Fpasswd",
  "/files/%2Fetc%2Fpasswd",
  "/files/%",
  "/files/%4",
  "/files/%zz",
  "/files/a%FFb",
  "/files/%C0%AE%C0%AE/etc",
  "/files/%ED%A0%80",
  `/files/${"x".repeat(256)}`,
  `/files/${"%E6%96%87".repeat(86)}`,
  `/files/${"0123456789/".repeat(400)}x`,
];

const RESERVED = [
  "/files/.wharf",
  "/files/.wharf/",
  "/files/.wharf/publish.lock",
  "/files/.wharf/staging/",
  "/files/.wharf/downloads.sqlite",
  "/files/.WHARF/publish.lock",
  "/files/%2Ewharf/publish.lock",
  "/files/.wh%61rf/new.txt",
];

describe("paths that are refused", () => {
  const server = useFileserver();

  describe.each(METHODS)("by %s", (method) => {
    const headers =
      method === "POST" ? `${FORM}Content-Length: 0\r\n` : method === "PUT" ? "Content-Length: 1\r\n" : "";

    it.each(INVALID)("%s: PATH_INVALID", async (path) => {
      const answer = await sendPath(server.url, method, path, headers);
      expect(answer.status).toBe(400);
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
      expect(answer.headers["x-request-id"]).toMatch(/./);
      expect(method === "HEAD" ? { status: 400, code: "PATH_INVALID" } : json(answer)).toMatchObject({
        status: 400,
        code: "PATH_INVALID",
      });
    });

    it.each(RESERVED)("%s: nothing is there", async (path) => {
      const answer = await sendPath(server.url, method, path, headers);
      expect(answer.status).toBe(404);
      expect(method === "HEAD" ? { code: "NOT_FOUND" } : json(answer)).toMatchObject({ code: "NOT_FOUND" });
    });
  });

  it("the reserved directory is in no listing, and no other place has one", async () => {
    const deep = `${server.folder}.wharf/file.txt`;
    expect((await send("PUT", deep, { body: "not at the root: a name like any other" })).status).toBe(201);
    expect((await send("GET", deep)).status).toBe(200);
    const { body } = await send("GET", `${server.url}/files/`, {
      headers: { accept: "application/x-ndjson" },
    });
    expect(body.toString()).not.toContain('".wharf"');
  });

  it("names that only look like those refused are names", async () => {
    for (const name of ["...", "..a", "a..", ".", "..%252e", "%252e%252e", "%25"].filter(
      (each) => each !== ".",
    )) {
      const url = `${server.folder}similar/${name}`;
      expect(await send("PUT", url, { body: name })).toMatchObject({ status: 201 });
      expect((await send("GET", url)).body.toString()).toBe(name);
    }
  });

  it("a form's file names and folders are judged by the same rules", async () => {
    const post = (fields: string) =>
      send("POST", `${server.folder}form/`, {
        headers: { "content-type": "multipart/form-data; boundary=b" },
        body: `${fields}--b--\r\n`,
      });
    const file = (name: string): string =>
      `--b\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\n\r\nx\r\n`;
    const folder = (path: string): string =>
      `--b\r\nContent-Disposition: form-data; name="path"\r\n\r\n${path}\r\n`;
    for (const name of [
      "../up.txt",
      "a/../../up.txt",
      "..",
      ".",
      "a//b",
      "a\u0001b",
      "x".repeat(256),
      "/../up.txt",
    ]) {
      expect(expectProblem(await post(file(name)), 400, "PATH_INVALID")).toMatchObject({ files: [] });
      expect(expectProblem(await post(folder(name) + file("ok.txt")), 400, "PATH_INVALID")).toMatchObject({
        files: [],
      });
    }
    expect((await send("GET", `${server.folder}up.txt`)).status).toBe(404);
    expect((await send("GET", `${server.folder}form/`)).status).toBe(404);
  });

  it("a form cannot store in the reserved directory", async () => {
    const body =
      '--b\r\nContent-Disposition: form-data; name="f"; filename=".wharf/x.txt"\r\n\r\nx\r\n--b--\r\n';
    const headers = { "content-type": "multipart/form-data; boundary=b" };
    expect(
      expectProblem(await send("POST", `${server.url}/files/`, { headers, body }), 404, "NOT_FOUND").status,
    ).toBe(404);
  });
});

describe("methods and places that are refused", () => {
  const server = useFileserver();
  const allowed = "DELETE, GET, HEAD, MKCOL, OPTIONS, POST, PUT";

  it.each(["PATCH", "TRACE", "PROPFIND", "MOVE", "COPY", "LOCK"])(
    "%s: 405, with what is allowed",
    async (method) => {
      const answer = await send(method, `${server.folder}x`);
      expectProblem(answer, 405, "METHOD_NOT_ALLOWED");
      expect(answer.headers["allow"]).toBe(allowed);
    },
  );

  it("OPTIONS: 204, with what is allowed", async () => {
    const answer = await send("OPTIONS", `${server.folder}x`);
    expect(answer).toMatchObject({ status: 204, headers: { allow: allowed } });
    expect(answer.body.length).toBe(0);
  });

  it("what is no method at all, and what is no HTTP: 400", async () => {
    for (const method of ["G{}T", "GET ,"]) {
      expect((await sendPath(server.url, method, "/files/")).status).toBe(400);
    }
  });

  it("a path that no route has: 404", async () => {
    for (const path of ["/file/x", "/Files/", "/etc/passwd", "/files.txt"]) {
      expect(expectProblem(await send("GET", server.url + path), 404, "NOT_FOUND").code).toBe("NOT_FOUND");
    }
  });

  it("PUT to a directory, through a file, with a part of a file", async () => {
    await send("PUT", `${server.folder}directory/file`, { body: "x" });
    const put = (path: string, headers = {}) => send("PUT", server.folder + path, { body: "y", headers });
    expectProblem(await put("directory/"), 409, "IS_DIRECTORY");
    expectProblem(await put("directory"), 409, "IS_DIRECTORY");
    expectProblem(await put("new/"), 409, "IS_DIRECTORY");
    expectProblem(await put("directory/file/below"), 409, "NOT_A_DIRECTORY");
    expectProblem(await put("directory/file/below/that"), 409, "NOT_A_DIRECTORY");
    expectProblem(await put("part", { "content-range": "bytes 1-1/2" }), 400, "PARTIAL_PUT_UNSUPPORTED");
    expectProblem(await put("time", { "x-oc-mtime": "noon" }), 400, "INVALID_REQUEST");
    expect((await send("GET", `${server.folder}directory/file`)).body.toString()).toBe("x");
    expect((await send("GET", `${server.folder}part`)).status).toBe(404);
  });

  it("MKCOL of what exists, and without its parent", async () => {
    const make = (path: string) => send("MKCOL", server.folder + path);
    expect((await make("made/")).status).toBe(201);
    const again = await make("made/");
    expectProblem(again, 405, "ALREADY_EXISTS");
    expect(again.headers["allow"]).toMatch(/GET/);
    expectProblem(await make("directory/file"), 405, "ALREADY_EXISTS");
    expectProblem(await make("missing/made/"), 409, "PARENT_MISSING");
    const withBody = await send("MKCOL", `${server.folder}body/`, { body: "<mkcol/>" });
    expect(expectProblem(withBody, 415, "UNSUPPORTED_MEDIA_TYPE").status).toBe(415);
  });

  it("DELETE of what is not there, is not empty, or is the root", async () => {
    const remove = (url: string) => send("DELETE", url);
    expectProblem(await remove(`${server.folder}missing`), 404, "NOT_FOUND");
    expectProblem(await remove(`${server.folder}directory/file/`), 404, "NOT_FOUND");
    expectProblem(await remove(`${server.folder}directory/`), 409, "DIRECTORY_NOT_EMPTY");
    expectProblem(await remove(`${server.url}/files/`), 403, "ROOT_PROTECTED");
    expectProblem(await remove(`${server.url}/files/?recursive=true`), 403, "ROOT_PROTECTED");
    expectProblem(await remove(`${server.folder}directory/?recursive=perhaps`), 400, "INVALID_REQUEST");
    expect((await remove(`${server.folder}directory/?recursive=true`)).status).toBe(204);
    expect((await send("GET", `${server.folder}directory/`)).status).toBe(404);
  });

  it.each([
    "limit=0",
    "limit=10001",
    "limit=many",
    "sort=colour",
    "order=up",
    "cursor=no-cursor",
    "cursor=W10",
  ])("a listing with ?%s", async (query) => {
    await send("PUT", `${server.folder}listed/file`, { body: "" });
    const answer = await send("GET", `${server.folder}listed/?${query}`, {
      headers: { accept: "application/json" },
    });
    expect(expectProblem(answer, 400, "INVALID_REQUEST").status).toBe(400);
  });

  it("what a page of another site asks for", async () => {
    const put = (headers: Record<string, string>) =>
      send("PUT", `${server.folder}cross.txt`, { body: "x", headers });
    expectProblem(await put({ origin: "https://elsewhere.example" }), 403, "CROSS_SITE");
    expectProblem(await put({ origin: "null" }), 403, "CROSS_SITE");
    expectProblem(await put({ "sec-fetch-site": "cross-site" }), 403, "CROSS_SITE");
    expect((await send("GET", `${server.folder}cross.txt`)).status).toBe(404);
    expect((await put({ origin: server.url })).status).toBe(201);
  });
});
