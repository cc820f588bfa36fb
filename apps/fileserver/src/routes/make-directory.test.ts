import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { RawClient } from "@wharf/service/testing/raw-client";
import { beforeEach, describe, expect, test } from "vitest";

import { listen, namesIn, testFileserver, type Fileserver } from "../testing/fileserver.ts";

let server: Fileserver;

beforeEach(async () => {
  server = await testFileserver();
  writeFileSync(join(server.directory, "file"), "");
});

async function make(url: string, headers = "", body = ""): Promise<string> {
  const client = await RawClient.open(server.app.server.listening ? port : (port = await listen(server.app)));
  client.send(`MKCOL ${url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n${body}`);
  await client.untilEnded();
  return client.received;
}
let port = 0;

test.each([
  ["/files/new/", "/files/new/"],
  ["/files/new", "/files/new/"],
  ["/files/%E6%97%A5%20x/", "/files/%E6%97%A5%20x/"],
])("%s is made, once", async (url, location) => {
  const made = await make(url);
  expect(made).toMatch(/^HTTP\/1\.1 201 /);
  expect(made).toContain(`location: ${location}\r\n`);
  const again = await make(url);
  expect(again).toMatch(/^HTTP\/1\.1 405 [^]*"code":"ALREADY_EXISTS"/);
  expect(again).toMatch(/^allow: /m);
  expect(
    statSync(join(server.directory, decodeURIComponent(url.slice("/files/".length)))).isDirectory(),
  ).toBe(true);
});

describe("no directory is made", () => {
  test.each([
    ["without its parent", "/files/a/b/", 409, "PARENT_MISSING"],
    ["beneath a file", "/files/file/b/", 409, "PARENT_MISSING"],
    ["where a file is", "/files/file", 405, "ALREADY_EXISTS"],
    ["at the root", "/files/", 405, "ALREADY_EXISTS"],
    ["in the service's own", "/files/.wharf/x/", 404, "NOT_FOUND"],
    ["at a path that is none", "/files/a%2Fb/", 400, "PATH_INVALID"],
  ])("%s", async (_what, url, status, code) => {
    expect(await make(url)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*"code":"${code}"`));
    expect(await namesIn(server.directory)).toEqual(["file"]);
  });

  test.each([
    ["with a length", "Content-Length: 4\r\n", "<x/>"],
    ["in chunks", "Transfer-Encoding: chunked\r\n", "4\r\n<x/>\r\n0\r\n\r\n"],
    ["in JSON", "Content-Type: application/json\r\nContent-Length: 4\r\n", "null"],
    ["in XML", "Content-Type: application/xml\r\nContent-Length: 4\r\n", "<x/>"],
  ])("of a body, %s (RFC 4918 §9.3)", async (_what, headers, body) => {
    expect(await make("/files/new/", headers, body)).toMatch(/^HTTP\/1\.1 415 /);
    expect(await namesIn(server.directory)).toEqual(["file"]);
  });
});

test.each([
  "Content-Length: 0\r\n",
  "Content-Type: application/xml\r\nContent-Length: 0\r\n",
  "Content-Type: application/json\r\n",
])("an empty body is none: %j", async (headers) => {
  expect(await make("/files/new/", headers)).toMatch(/^HTTP\/1\.1 201 /);
});
