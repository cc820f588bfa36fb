import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { namesIn, testFileserver, type Fileserver } from "../testing/fileserver.ts";

let server: Fileserver;

beforeEach(async () => {
  server = await testFileserver();
  mkdirSync(join(server.directory, "empty"));
  mkdirSync(join(server.directory, "full/sub"), { recursive: true });
  writeFileSync(join(server.directory, "full/sub/a"), "a");
  writeFileSync(join(server.directory, "file"), "a");
  writeFileSync(join(server.directory, "outside"), "kept");
  symlinkSync("../outside", join(server.directory, "full/link"));
});

function remove(url: string, headers: Record<string, string> = {}) {
  return server.app.inject({ method: "DELETE", url, headers });
}

test.each([
  ["/files/file", "file"],
  ["/files/empty/", "empty"],
  ["/files/empty", "empty"],
  ["/files/full/sub/a", "full/sub/a"],
  ["/files/full/?recursive=true", "full"],
])("%s is removed, once", async (url, name) => {
  const response = await remove(url);
  expect(response.statusCode).toBe(204);
  expect(response.body).toBe("");
  expect(existsSync(join(server.directory, name))).toBe(false);
  expect((await remove(url)).statusCode).toBe(404);
  expect(existsSync(join(server.directory, "outside"))).toBe(true);
});

describe("nothing is removed", () => {
  test.each([
    ["when nothing is there", "/files/nothing", 404, "NOT_FOUND"],
    ["when a file is asked for as a directory", "/files/file/", 404, "NOT_FOUND"],
    ["of a directory with entries", "/files/full/", 409, "DIRECTORY_NOT_EMPTY"],
    [
      "of a directory with entries when that is said",
      "/files/full/?recursive=false",
      409,
      "DIRECTORY_NOT_EMPTY",
    ],
    ["when it is not clear whether that is meant", "/files/full/?recursive=perhaps", 400, "INVALID_REQUEST"],
    ["at the root", "/files/", 403, "ROOT_PROTECTED"],
    ["at the root with all in it", "/files/?recursive=true", 403, "ROOT_PROTECTED"],
    ["of the service's own", "/files/.wharf/?recursive=true", 404, "NOT_FOUND"],
    ["of a symbolic link", "/files/full/link", 404, "NOT_FOUND"],
    ["beyond the volume", "/files/a%2Fb", 400, "PATH_INVALID"],
  ])("%s", async (_what, url, status, code) => {
    const response = await remove(url);
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ status, code });
    expect(await namesIn(server.directory)).toEqual(["empty", "file", "full", "outside"]);
    expect(await namesIn(join(server.directory, "full"))).toEqual(["link", "sub"]);
  });

  test("when its condition does not hold", async () => {
    const etag = String((await server.app.inject("/files/file")).headers.etag);
    for (const headers of [{ "if-match": '"another"' }, { "if-none-match": etag }]) {
      expect((await remove("/files/file", headers)).statusCode).toBe(412);
    }
    expect((await remove("/files/file", { "if-match": etag })).statusCode).toBe(204);
  });

  test("of a FIFO", async () => {
    execFileSync("mkfifo", [join(server.directory, "fifo")]);
    expect((await remove("/files/fifo")).statusCode).toBe(404);
    expect(existsSync(join(server.directory, "fifo"))).toBe(true);
  });
});

test("a client that says what it does not send may still remove", async () => {
  for (const type of ["application/json", "text/xml"]) {
    writeFileSync(join(server.directory, "again"), "");
    expect((await remove("/files/again", { "content-type": type })).statusCode).toBe(204);
  }
});
