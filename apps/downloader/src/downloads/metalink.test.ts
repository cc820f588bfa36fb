import { describe, expect, test } from "vitest";

import { describeFile, type MetalinkDownload } from "./metalink-file.ts";
import { parseMetalink } from "./metalink.ts";

const NAMESPACE = 'xmlns="urn:ietf:params:xml:ns:metalink"';
const documentOf = (content: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<metalink ${NAMESPACE}>${content}</metalink>\n`;
const SHA256 = "f0ad929cd259957e160ea442eb80986b5f8cb0a7b1d3c9f8e2c8a4c6d7e8f901";
const SHA1 = "a97fcf6ba9358f8a6f62beee4421863d3e52b080";
const URL = "<url>http://example.com/x</url>";

/** What the one file of a document describes, or the error it is refused with. */
function describeOne(content: string, name = "x"): MetalinkDownload {
  const [file] = parseMetalink(documentOf(`<file name="${name}">${content}</file>`));
  if (!file) throw new Error("no file");
  return describeFile(file);
}

describe("a Metalink document", () => {
  test("is read as in the standard's own example", () => {
    const files = parseMetalink(
      documentOf(`
        <published>2009-05-15T12:23:23Z</published>
        <file name="example.ext">
          <size>14471447</size>
          <identity>Example</identity>
          <hash type="sha-256">${SHA256}</hash>
          <url location="de" priority="1">ftp://ftp.example.com/example.ext</url>
          <url location="fr" priority="1">http://example.com/example.ext</url>
          <metaurl mediatype="torrent" priority="2">http://example.com/example.ext.torrent</metaurl>
        </file>
        <file name="b/example2.ext"><url>https://example.com/2?a=1&amp;b=2</url></file>`),
    );
    expect(files.map(describeFile)).toEqual([
      {
        directory: "",
        filename: "example.ext",
        urls: ["http://example.com/example.ext"],
        size: 14471447,
        checksum: `sha-256=${SHA256}`,
        pieces: null,
      },
      {
        directory: "b",
        filename: "example2.ext",
        urls: ["https://example.com/2?a=1&b=2"],
        size: null,
        checksum: null,
        pieces: null,
      },
    ]);
  });

  test("may have its namespace under a prefix, and others beside it", () => {
    const [file] = parseMetalink(
      `<m:metalink xmlns:m="urn:ietf:params:xml:ns:metalink" xmlns:o="urn:other"><m:file name="x">
         <o:url>http://other.example/</o:url><url>http://none.example/</url><m:url>http://example.com/</m:url>
       </m:file></m:metalink>`,
    );
    expect(file?.urls).toEqual(["http://example.com/"]);
  });

  test.each([
    ["nothing", "", "Line 1"],
    ["no XML", "http://example.com/", "Line 1"],
    ["what is not closed", `<metalink ${NAMESPACE}>\n<file>\n</metalink>`, "Line 3"],
    ["an unknown entity", documentOf("\n<file>&nbsp;</file>"), "Line 3"],
    ["another root", `<html ${NAMESPACE}/>`, "root element"],
    ["no namespace", "<metalink/>", "root element"],
    ["Metalink 3", '<metalink version="3.0" xmlns="http://www.metalinker.org/"/>', "Metalink 3"],
    ["elements without end", documentOf("<a>".repeat(200_000)), "nested too deeply"],
    [
      "entities that grow",
      `<!DOCTYPE metalink [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>${documentOf("").slice(39)}`,
      "document type",
    ],
    [
      "an entity that is a file",
      `<!DOCTYPE metalink [<!ENTITY a SYSTEM "file:///etc/passwd">]><metalink ${NAMESPACE}>&a;</metalink>`,
      "Line 1",
    ],
    [
      "a document type elsewhere",
      `<!DOCTYPE metalink SYSTEM "http://127.0.0.1/"><metalink ${NAMESPACE}/>`,
      "type",
    ],
  ])("is refused when it is %s", (_what, text, detail) => {
    expect(() => parseMetalink(text)).toThrow(
      expect.objectContaining({
        code: "METALINK_INVALID",
        message: expect.stringContaining(detail) as string,
      }),
    );
  });
});

describe("a file of it", () => {
  test("has its URLs by priority, those without one last, each once, and no more than can be tried", () => {
    const url = (at: string, priority?: string): string =>
      `<url${priority === undefined ? "" : ` priority="${priority}"`}>${at}</url>`;
    const content = [
      url("http://e.example/"),
      url("http://d.example/", "x"),
      url("http://c.example/", "100"),
      url("magnet:?xt=urn:x", "1"),
      url(" HTTPS://b.example/ ", "20"),
      url("http://a.example/", "1"),
      url("http://a.example/", "2"),
    ];
    expect(describeOne(content.join("\n")).urls).toEqual([
      "http://a.example/",
      "HTTPS://b.example/",
      "http://c.example/",
      "http://e.example/",
      "http://d.example/",
    ]);
    const many = Array.from({ length: 300 }, (_, n) => url(`http://${n}.example/`, `${n + 1}`)).toReversed();
    const { urls } = describeOne(many.join(""));
    expect([urls.length, urls[0], urls.at(-1)]).toEqual([100, "http://0.example/", "http://99.example/"]);
  });

  test("has the strongest hash that is known", () => {
    const hashes = [
      ["md5", "00112233445566778899aabbccddeeff"],
      ["SHA-256", SHA256.toUpperCase()],
      ["sha-1", SHA1],
      ["blake3", "00"],
    ].map(([type, digest]) => `<hash type="${type}">\n${digest}\n</hash>`);
    expect(describeOne(`${hashes.join("")}${URL}`).checksum).toBe(`sha-256=${SHA256}`);
    expect(describeOne(`${hashes[3]}${URL}`).checksum).toBeNull();
  });

  test("has its pieces' hashes, and they are not the file's own", () => {
    const pieces = `<pieces type="sha-1" length="10"><hash>${SHA1}</hash><hash>${SHA1.toUpperCase()}</hash></pieces>`;
    expect(describeOne(`<size>11</size>${pieces}${URL}`)).toMatchObject({
      checksum: null,
      pieces: { algorithm: "sha-1", length: 10, hashes: [SHA1, SHA1] },
    });
    expect(describeOne(`<size>20</size>${pieces}${URL}`).pieces?.hashes).toHaveLength(2);
    expect(describeOne(`<pieces type="x" length="1"><hash>00</hash></pieces>${URL}`).pieces).toBeNull();
  });

  test.each([
    ["a size that is none", `<size>1e3</size>${URL}`, "x", "METALINK_INVALID"],
    ["a size beyond numbers", `<size>9999999999999999</size>${URL}`, "x", "METALINK_INVALID"],
    ["a hash that is none", `<hash type="sha-1">00</hash>${URL}`, "x", "CHECKSUM_INVALID"],
    [
      "pieces without a length",
      `<pieces type="sha-1"><hash>${SHA1}</hash></pieces>${URL}`,
      "x",
      "METALINK_INVALID",
    ],
    ["pieces of nothing", `<pieces type="sha-1" length="0"/>${URL}`, "x", "METALINK_INVALID"],
    [
      "pieces that are too few",
      `<size>11</size><pieces type="sha-1" length="10"><hash>${SHA1}</hash></pieces>${URL}`,
      "x",
      "METALINK_INVALID",
    ],
    [
      "pieces that are too many",
      `<size>10</size><pieces type="sha-1" length="10"><hash>${SHA1}</hash><hash>${SHA1}</hash></pieces>${URL}`,
      "x",
      "METALINK_INVALID",
    ],
    [
      "pieces of a file without a size",
      `<pieces type="sha-1" length="10"><hash>${SHA1}</hash></pieces>${URL}`,
      "x",
      "METALINK_INVALID",
    ],
    [
      "a piece's hash that is none",
      `<size>1</size><pieces type="md5" length="1"><hash>x</hash></pieces>${URL}`,
      "x",
      "CHECKSUM_INVALID",
    ],
    ["no URL", "", "x", "URL_FORBIDDEN"],
    ["only URLs for others", "<url>ftp://example.com/x</url>", "x", "URL_FORBIDDEN"],
    ["no name", URL, "", "METALINK_INVALID"],
    ["an absolute name", URL, "/etc/passwd", "PATH_INVALID"],
  ])("is refused with %s", (_what, content, name, code) => {
    expect(() => describeOne(content, name)).toThrow(expect.objectContaining({ code }));
  });
});
