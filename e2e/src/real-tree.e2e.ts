import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

import { sha256 } from "./harness/content.ts";
import { useFileserver } from "./harness/fileserver.ts";
import { segment, send } from "./harness/http.ts";
import { listHtml, listLines, listPages, walk } from "./harness/listing.ts";
import { describeWith } from "./harness/needs.ts";
import { inParallel } from "./harness/pace.ts";
import { realTree } from "./harness/real-files.ts";

const WIDTH = 8;
const tree = await realTree(3_000);

const title = `a real tree: ${tree?.files.length ?? 0} files of ${tree?.root ?? "/usr/share"}`;
const noTree = tree ? undefined : "needs 3,000 files below /usr/share";

describeWith(title, [noTree], () => {
  const { root, files } = tree ?? { root: "", files: [] };
  const server = useFileserver();
  const stored = new Map<
    string,
    { sha256: string; size: number; etag: string | undefined; seconds: number }
  >();
  const urlOf = (path: string): string => server.folder + path.split("/").map(segment).join("/");

  it("is stored by PUT, each file with its modification time", async () => {
    await inParallel(files, WIDTH, async (path) => {
      const body = await readFile(join(root, path));
      const seconds = Math.floor((await stat(join(root, path))).mtimeMs / 1000);
      const answer = await send("PUT", urlOf(path), { body, headers: { "x-oc-mtime": String(seconds) } });
      expect({ path, ...answer }).toMatchObject({
        path,
        status: 201,
        headers: { "x-oc-mtime": "accepted" },
      });
      expect(new URL(answer.headers["location"] ?? "", server.url).href).toBe(new URL(urlOf(path)).href);
      stored.set(path, { sha256: sha256(body), size: body.length, etag: answer.headers["etag"], seconds });
    });
    expect(stored.size).toBe(files.length);
  });

  it("is read back with the same bytes, time and entity tag", async () => {
    await inParallel(files, WIDTH, async (path) => {
      const { status, headers, body } = await send("GET", urlOf(path));
      const { seconds, ...expected } = stored.get(path) ?? { seconds: NaN };
      expect({ path, sha256: sha256(body), size: body.length, etag: headers["etag"] }).toEqual({
        path,
        ...expected,
      });
      expect(status).toBe(200);
      expect(headers["content-length"]).toBe(String(body.length));
      expect(headers["last-modified"]).toBe(new Date(seconds * 1000).toUTCString());
    });
  });

  it.each([
    { form: "pages of 7 as JSON", list: (url: string) => listPages(url, 7) },
    { form: "pages as large as they come as JSON", list: (url: string) => listPages(url, 10_000) },
    { form: "lines of JSON", list: listLines },
  ])("is listed whole, and nothing else, in $form", async ({ list }) => {
    const seen: string[] = [];
    const paths = await walk(server.folder, async (url) => {
      const entries = await list(url);
      const prefix = decodeURIComponent(url.slice(server.folder.length));
      for (const { name, type, size, modified, etag } of entries) {
        if (type === "directory") continue;
        const path = prefix + name;
        const listed = { path, size, etag, seconds: Date.parse(modified) / 1000 };
        expect({ path, ...stored.get(path) }).toMatchObject(listed);
        seen.push(path);
      }
      return entries.map(({ name, type }) => ({ name, isDirectory: type === "directory" }));
    });
    expect(paths.toSorted()).toEqual(files);
    expect(seen.length).toBe(files.length);
  });

  it("is listed whole, and nothing else, in HTML", async () => {
    const paths = await walk(server.folder, async (url) => {
      const links = await listHtml(url);
      for (const { href, text } of links) expect(decodeURIComponent(href)).toBe(text);
      return links.map(({ text }) => ({ name: text.replace(/\/$/, ""), isDirectory: text.endsWith("/") }));
    });
    expect(paths.toSorted()).toEqual(files);
  });
});
