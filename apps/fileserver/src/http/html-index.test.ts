import { createHash } from "node:crypto";

import { VolumePath, type Entry } from "@wharf/volume";
import { describe, expect, test } from "vitest";

import { INDEX_SECURITY_POLICY, renderIndex } from "./html-index.ts";

const MODIFIED = Date.UTC(2026, 10, 23, 1, 2, 3);

function file(name: string, size = 1): Entry {
  return { name, type: "file", size, modifiedMs: MODIFIED, etag: '"x"' };
}

function directory(name: string): Entry {
  return { name, type: "directory", size: null, modifiedMs: MODIFIED, etag: null };
}

function render(entries: readonly Entry[], path = "/music/", next?: string): string {
  return renderIndex(VolumePath.parse(path), entries, next);
}

function linksOf(html: string): (string | undefined)[] {
  return [...html.matchAll(/href="([^"]*)"/g)].map(([, link]) => link);
}

describe("a directory as a page", () => {
  test("links to its files and directories, and to the one above, relatively", () => {
    expect(linksOf(render([directory("sub"), file("a.txt")]))).toEqual(["../", "sub/", "a.txt"]);
  });

  test("has nothing above the root", () => {
    expect(linksOf(render([file("a.txt")], "/"))).toEqual(["a.txt"]);
  });

  test("links to the page after it", () => {
    const html = render([file("a.txt")], "/music/", "?sort=size&limit=5&cursor=abc");
    expect(html).toContain('<a href="?sort=size&amp;limit=5&amp;cursor=abc" rel="next">');
    expect(render([file("a.txt")])).not.toContain('rel="next"');
  });

  test("shows sizes and times", () => {
    const html = render([
      file("a", 0),
      file("b", 1023),
      file("c", 1536),
      file("d", 5 * 2 ** 30),
      file("e", 2 ** 60),
    ]);
    for (const size of ["0 B", "1023 B", "1.5 KiB", "5.0 GiB", "1024.0 PiB"])
      expect(html).toContain(`>${size}<`);
    expect(html).toContain(">2026-11-23 01:02<");
  });
});

describe("a name is only ever text", () => {
  const names = [
    `<script>alert(1)</script>`,
    `"onmouseover="alert(1)`,
    `' onfocus='alert(1)`,
    `&lt;b&gt;`,
    `javascript:alert(1)`,
    `?x=1#y`,
    `100%41.txt`,
    `..\u2044..\u2044x`,
    `日本 語.txt`,
    `-->`,
    `</table></body>`,
  ];
  test.each(names)("%s", (name) => {
    const html = render([file(name), directory(name)]);
    for (const [index, link = ""] of linksOf(html).slice(1).entries()) {
      const url = new URL(link.replaceAll("&#39;", "'"), "http://a/files/music/");
      const suffix = index === 1 ? "/" : "";
      expect(url.href).toBe(`http://a/files/music/${encodeURIComponent(name)}${suffix}`);
    }
    const text = html.replaceAll(/<[^>]*>/g, "");
    for (const char of ["<", ">", '"', "'"]) expect(text).not.toContain(char);
    expect(html.match(/<script|<\/table>|<\/body>/g)).toEqual(["</table>", "</body>"]);
  });

  test("in the title, too", () => {
    const html = render([], "/<b>&/");
    expect(html).toContain("<title>/&lt;b&gt;&amp;/</title>");
    expect(html).toContain("<h1>/&lt;b&gt;&amp;/</h1>");
  });
});

test("nothing but the page's own style may be used", () => {
  const [, style = ""] = /<style>([^]*?)<\/style>/.exec(render([])) ?? [];
  const hash = createHash("sha256").update(style).digest("base64");
  expect(INDEX_SECURITY_POLICY.split("; ")).toEqual([
    "default-src 'none'",
    `style-src 'sha256-${hash}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]);
});
