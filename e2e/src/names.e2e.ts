import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { useFileserver } from "./harness/fileserver.ts";
import { useFolder } from "./harness/folder.ts";
import { segment, send } from "./harness/http.ts";
import { listHtml, listLines, listPages } from "./harness/listing.ts";
import { describeWith, program } from "./harness/needs.ts";
import { curl, run } from "./harness/run.ts";

const ASCII = [
  "plain.txt",
  "two  words.txt",
  "100%.txt",
  "literal%20.txt",
  "number#1.txt",
  "what?.txt",
  "a+b.txt",
  "you&me.txt",
  "it's.txt",
  "-rf.txt",
  ".hidden",
  "...",
  "a;b=c,d.txt",
  "[1-3]{a,b}.txt",
  "$HOME `id` ~.txt",
  "<b>&amp;.txt",
  "index.html",
  "no:colon|pipe*.txt",
  " leading space",
  "trailing space ",
];
const QUOTED = ['say "hi".txt', '"'];
const UNICODE = [
  "中文文件.txt",
  "cafe\u0301 (decomposed).txt",
  "caf\u00e9 (composed).txt",
  "🚢👩‍👩‍👧.txt",
  "пример.txt",
  "עברית.txt",
  "\u00a0nbsp.txt",
  "ﬁ ligature.txt",
];
const LONG = [`${"x".repeat(251)}.txt`, "文".repeat(85)];
const NAMES = [...ASCII, ...QUOTED, ...UNICODE, ...LONG];

const contentOf = (name: string): string => `the content of ${name}`;

/** The name that `filename*` gives (RFC 8187). */
function extendedName(disposition: string | undefined): string | undefined {
  const [, encoded] = /filename\*=UTF-8''(\S+)$/.exec(disposition ?? "") ?? [];
  return encoded && decodeURIComponent(encoded);
}

describe("names", () => {
  const server = useFileserver();

  it.each(NAMES)("%j comes back exactly as it was sent", async (name) => {
    const url = `${server.folder}one/${segment(name)}`;
    const put = await send("PUT", url, { body: contentOf(name) });
    expect(put.status).toBe(201);
    expect(new URL(put.headers["location"] ?? "", server.url).pathname).toBe(new URL(url).pathname);
    for (const method of ["GET", "HEAD"]) {
      const { status, headers, body } = await send(method, `${url}?download`);
      expect(status).toBe(200);
      expect(body.toString()).toBe(method === "GET" ? contentOf(name) : "");
      expect(extendedName(headers["content-disposition"])).toBe(name);
    }
  });

  it("are listed exactly as they were sent, in JSON, lines of JSON, and the text and links of HTML", async () => {
    const expected = NAMES.toSorted();
    expect((await listPages(`${server.folder}one/`, 5)).map(({ name }) => name)).toEqual(expected);
    expect((await listLines(`${server.folder}one/`)).map(({ name }) => name).toSorted()).toEqual(expected);
    const links = await listHtml(`${server.folder}one/`);
    expect(links.map(({ text }) => text)).toEqual(expected);
    expect(links.map(({ href }) => decodeURIComponent(href))).toEqual(expected);
    for (const { href, text } of links) {
      const answer = await send("GET", new URL(href, `${server.folder}one/`).href);
      expect(answer.body.toString()).toBe(contentOf(text));
    }
  });

  it("work for directories as they do for files", async () => {
    for (const name of NAMES) {
      const url = `${server.folder}directories/${segment(name)}/${segment(name)}`;
      expect((await send("PUT", url, { body: contentOf(name) })).status).toBe(201);
      expect((await listPages(url.slice(0, url.lastIndexOf("/") + 1))).map((entry) => entry.name)).toEqual([
        name,
      ]);
    }
    const names = (await listPages(`${server.folder}directories/`)).map(({ name }) => name);
    expect(names).toEqual(NAMES.toSorted());
  });
});

describeWith("names, with curl", [program("curl")], () => {
  const server = useFileserver();
  const local = useFolder();

  it.each(NAMES)("%j goes in by PUT and by a form, and comes out", async (name) => {
    const file = join(local.path, name);
    await writeFile(file, contentOf(name));
    const put = `${server.folder}put/${segment(name)}`;
    expect((await curl(["--fail", "-T", file, put])).code).toBe(0);
    const quoted = file.replaceAll(/["\\]/g, String.raw`\$&`);
    expect((await curl(["--fail", "-F", `file=@"${quoted}"`, `${server.folder}form/`])).code).toBe(0);
    for (const url of [put, `${server.folder}form/${segment(name)}`]) {
      const { code, stdout } = await curl(["--fail", url]);
      expect({ url, code, body: stdout.toString() }).toEqual({ url, code: 0, body: contentOf(name) });
    }
  });

  // curl reads only the ASCII form of the name, and no escapes in it; leading dots it leaves to the user.
  it.each(ASCII.filter((name) => !name.startsWith(".")))("%j is what -OJ saves", async (name) => {
    const cwd = join(local.path, `saved ${ASCII.indexOf(name)}`);
    await mkdir(cwd);
    const url = `${server.folder}put/${segment(name)}?download`;
    expect((await curl(["--fail", "-OJ", url], { cwd })).code).toBe(0);
    expect(await readdir(cwd)).toEqual([name]);
    expect(await readFile(join(cwd, name), "utf8")).toBe(contentOf(name));
  });
});

describeWith("names, with wget", [program("wget")], () => {
  const server = useFileserver();
  const local = useFolder();
  const options = ["--no-config", "--no-verbose", "--no-proxy", "--restrict-file-names=nocontrol"];
  // Longer names wget shortens by itself, and what looks encoded it decodes once more.
  const names = NAMES.filter((name) => Buffer.byteLength(name) < 230 && !/%[\da-f]{2}/i.test(name));

  it.each(names)("%j is what --content-disposition saves", async (name) => {
    const url = `${server.folder}some/folder/${segment(name)}`;
    expect((await send("PUT", url, { body: contentOf(name) })).status).toBe(201);
    const cwd = join(local.path, `saved ${names.indexOf(name)}`);
    await mkdir(cwd);
    const { code, stderr } = await run("wget", [...options, "--content-disposition", `${url}?download`], {
      cwd,
    });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await readdir(cwd)).toEqual([name]);
    expect(await readFile(join(cwd, name), "utf8")).toBe(contentOf(name));
  });

  it("are mirrored byte for byte by wget -r over the HTML index", async () => {
    const cwd = join(local.path, "mirror");
    await mkdir(cwd);
    const depth = new URL(server.folder).pathname.split("/").length - 2;
    const recursive = ["-r", "-l", "10", "-np", "-nH", `--cut-dirs=${depth}`, "-e", "robots=off"];
    const { code, stderr } = await run(
      "wget",
      [...options, ...recursive, "--default-page=.listing", server.folder],
      { cwd },
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const mirrored = (await readdir(join(cwd, "some", "folder"))).filter((name) => name !== ".listing");
    expect(mirrored.toSorted()).toEqual(names.toSorted());
    for (const name of names)
      expect(await readFile(join(cwd, "some", "folder", name), "utf8")).toBe(contentOf(name));
  });
});
