import { json, send } from "./http.ts";

/** An entry as a JSON listing has it. */
export interface ListedEntry {
  readonly name: string;
  readonly type: "file" | "directory";
  readonly size: number | null;
  readonly modified: string;
  readonly etag: string | null;
}

/** Every entry of a directory, page by page. */
export async function listPages(directory: string, limit = 1_000): Promise<ListedEntry[]> {
  const entries: ListedEntry[] = [];
  let cursor = "";
  for (let page = 0; page < 10_000; page++) {
    const url = `${directory}?limit=${limit}${cursor}`;
    const answer = await send("GET", url, { headers: { accept: "application/json" } });
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status}`);
    const { entries: some, next } = json(answer) as { entries: ListedEntry[]; next: string | null };
    entries.push(...some);
    if (next === null) return entries;
    cursor = `&cursor=${encodeURIComponent(next)}`;
  }
  throw new Error(`${directory} has no last page`);
}

/** Every entry of a directory, from one stream. */
export async function listLines(directory: string): Promise<ListedEntry[]> {
  const answer = await send("GET", directory, { headers: { accept: "application/x-ndjson" } });
  if (answer.status !== 200) throw new Error(`${directory}: ${answer.status}`);
  const lines = answer.body.toString().split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as ListedEntry);
}

/** A link of an HTML index: where it leads, relative, and what it shows. */
export interface Link {
  readonly href: string;
  readonly text: string;
}

/** Every entry's link on every page of a directory's HTML index. */
export async function listHtml(directory: string): Promise<Link[]> {
  const links: Link[] = [];
  let page: string | undefined = directory;
  for (let pages = 0; page !== undefined && pages < 10_000; pages++) {
    const answer = await send("GET", page);
    if (answer.status !== 200) throw new Error(`${page}: ${answer.status}`);
    const found = [...answer.body.toString().matchAll(/<a href="([^"]*)"([^>]*)>([^<]*)<\/a>/g)].map(
      ([, href = "", attributes = "", text = ""]) => ({
        href: unescape(href),
        attributes,
        text: unescape(text),
      }),
    );
    links.push(...found.filter(({ attributes, href }) => attributes === "" && href !== "../"));
    const next = found.find(({ attributes }) => attributes.includes('rel="next"'));
    page = next && new URL(next.href, directory).href;
  }
  return links.map(({ href, text }) => ({ href, text }));
}

/** The paths of all files under a directory, relative to it, by one way of listing. */
export async function walk(
  directory: string,
  list: (directory: string) => Promise<{ name: string; isDirectory: boolean }[]>,
  prefix = "",
): Promise<string[]> {
  const paths: string[] = [];
  for (const { name, isDirectory } of await list(directory)) {
    if (isDirectory)
      paths.push(...(await walk(`${directory}${encodeURIComponent(name)}/`, list, `${prefix}${name}/`)));
    else paths.push(prefix + name);
  }
  return paths;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

function unescape(text: string): string {
  return text.replaceAll(/&([^;]+);/g, (all, name: string) => ENTITIES[name] ?? all);
}
