import { serve } from "../harness/answers.ts";
import { validated, version, type Row } from "./row.ts";

const CONTENT = version("named", 100);

/** The characters of a text's UTF-8 bytes, which is what a server puts on the wire that does not care. */
function raw(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** What a server calls the file, and what it is to be called here. The URL's own last segment is `url.name`. */
const NAMES: readonly (readonly [field: string, filename: string])[] = [
  ["attachment", "url.name"],
  ["attachment; filename=plain.bin", "plain.bin"],
  ['attachment; filename="quoted name.bin"', "quoted name.bin"],
  ['ATTACHMENT; FILENAME="capitals.bin"', "capitals.bin"],
  ['attachment;filename="no-blank.bin"', "no-blank.bin"],
  ['attachment ; filename = "blanks.bin"', "blanks.bin"],
  ['attachment; filename="semicolon; in.bin"', "semicolon; in.bin"],
  [String.raw`attachment; filename="a \"quote\".bin"`, 'a "quote".bin'],
  ['inline; filename="shown.pdf"', "shown.pdf"],
  ['form-data; name="field"; filename="form.bin"', "form.bin"],
  ["attachment; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.bin", "naïve €.bin"],
  ["attachment; filename*=utf-8'en'language.bin", "language.bin"],
  ["attachment; filename*=ISO-8859-1''na%EFve.bin", "naïve.bin"],
  [`attachment; filename="ascii.bin"; filename*=UTF-8''%C3%BC.bin`, "ü.bin"],
  [`attachment; filename*=UTF-8''%C3%BC2.bin; filename="ascii.bin"`, "ü2.bin"],
  [`attachment; filename="fallback.bin"; filename*=UTF-8''%FF%FE.bin`, "fallback.bin"],
  [`attachment; filename="fallback2.bin"; filename*=KLINGON''a.bin`, "fallback2.bin"],
  [`attachment; filename="${raw("grün €.bin")}"`, "grün €.bin"],
  ['attachment; filename="gr\xfcn.bin"', "grün.bin"],
  ['attachment; filename="percent%20sign.bin"', "percent%20sign.bin"],
  ['attachment; filename="../../etc/passwd"', "passwd"],
  ["attachment; filename*=UTF-8''..%2F..%2Fetc%2Fshadow", "shadow"],
  ['attachment; filename="/etc/absolute"', "absolute"],
  ['attachment; filename="C:\\\\Windows\\\\evil.exe"', "evil.exe"],
  ["attachment; filename*=UTF-8''..%5C..%5Cback.bin", "back.bin"],
  ['attachment; filename="folder/"', "folder"],
  ["attachment; filename*=UTF-8''a%00b%0D%0A%1B.bin", "ab.bin"],
  ['attachment; filename="tab\there.bin"', "tabhere.bin"],
  ['attachment; filename=""', "url.name"],
  ['attachment; filename="   "', "url.name"],
  ['attachment; filename="."', "url.name"],
  ['attachment; filename=".."', "url.name"],
  ['attachment; filename="...."', "url.name"],
  ['attachment; filename="/"', "url.name"],
  ['attachment; filename=".bashrc"', "bashrc"],
  ['attachment; filename="...hidden.bin"', "hidden.bin"],
  ['attachment; filename=".wharf"', "wharf"],
  ['attachment; filename="  blanks around.bin  "', "blanks around.bin"],
  [`attachment; filename="${"long".repeat(100)}.tar.gz"`, `${"long".repeat(100).slice(0, 248)}.tar.gz`],
  [`attachment; filename*=UTF-8''${"%E2%82%AC".repeat(100)}.bin`, `${"€".repeat(83)}.bin`],
  [`attachment; filename="${"e".repeat(300)}"`, "e".repeat(255)],
  ["attachment; filename*=UTF-8''photo%E2%80%AEgpj.exe", "photogpj.exe"],
  ["attachment; filename*=UTF-8''%E2%81%A6bidi%E2%81%A9.bin", "bidi.bin"],
  ["attachment; filename*=UTF-8''line%E2%80%A8break.bin", "linebreak.bin"],
  ['attachment; filename="unfinished.bin', "url.name"],
  ["attachment; filename=two words.bin", "two words.bin"],
  ['attachment; filename="one.bin"; filename="two.bin"', "one.bin"],
  ["attachment; filename*=no-charset.bin", "url.name"],
  ["attachment; filename*=UTF-8''%ZZ.bin", "url.name"],
  ["=;=;=", "url.name"],
  ["", "url.name"],
  ["attachment; filename=a<b>c:d|e?f*.bin", "a<b>c:d|e?f*.bin"],
  ['attachment; filename="a<b>c:d|e?f*.bin"', "a<b>c:d|e?f*.bin"],
  ['attachment; filename="CON"', "CON"],
];

/** The same for the URL's last segment, where the server says nothing. */
const SEGMENTS: readonly (readonly [path: string, filename: string])[] = [
  ["folder/", "folder"],
  ["a%20b.bin", "a b.bin"],
  ["%E2%82%AC.bin", "€.bin"],
  ["%FF.bin", "%FF.bin"],
  ["a%2Fb.bin", "b.bin"],
  ["..%2F..%2Fup.bin", "up.bin"],
  ["a%5Cb2.bin", "b2.bin"],
  ["%00", "download"],
  ["%2E%2E%2F", "download"],
  ["file.bin?name=other.bin", "file.bin"],
  ["file2.bin#part", "file2.bin"],
  [".hidden", "hidden"],
];

/** Names in every form of Content-Disposition (RFC 6266), and in URLs: always one that is safe, in the folder asked for. */
export const NAME_ROWS: readonly Row[] = [
  ...NAMES.map(([field, filename]): Row => ({
    name: `Content-Disposition: ${field}`.slice(0, 100),
    path: "url.name",
    script: serve(validated(CONTENT), { fields: { "Content-Disposition": field } }),
    end: { content: CONTENT, filename },
  })),
  {
    name: "Content-Disposition on two lines",
    path: "url.name",
    script: serve(validated(CONTENT), {
      fields: { "Content-Disposition": ["attachment; filename=one.bin", "attachment; filename=two.bin"] },
    }),
    end: { content: CONTENT, filename: "one.bin" },
  },
  {
    name: "Content-Disposition, though the client has named the file",
    script: serve(validated(CONTENT), {
      fields: { "Content-Disposition": "attachment; filename=source.bin" },
    }),
    ask: { filename: "client.bin" },
    end: { content: CONTENT, filename: "client.bin" },
  },
  ...SEGMENTS.map(([path, filename]): Row => ({
    name: `the URL's end ${JSON.stringify(path)}`,
    path,
    script: serve(validated(CONTENT)),
    end: { content: CONTENT, filename },
  })),
];
