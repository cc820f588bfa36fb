import { json, send, type Answer } from "./http.ts";

/** A download as the downloader tells of it. */
export interface Download {
  readonly id: string;
  readonly url: string;
  readonly state: string;
  readonly filename: string | null;
  readonly bytes: number;
  readonly attempts: number;
  readonly error: { readonly code: string; readonly detail: string } | null;
  readonly file: { readonly path: string; readonly url: string } | null;
}

/** What became of one element of an array. */
export interface Result {
  readonly status: number;
  readonly download?: Download;
  readonly problem?: { readonly code: string };
}

/** `POST /downloads` with any JSON. */
export function submit(downloader: string, body: unknown): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  return send("POST", `${downloader}/downloads`, { headers, body: JSON.stringify(body) });
}

/** One download as it is now. */
export async function download(downloader: string, id: string): Promise<Download> {
  return json(await send("GET", `${downloader}/downloads/${id}`)) as Download;
}

/** Every download there is, newest first. */
export async function allDownloads(downloader: string): Promise<Download[]> {
  const downloads: Download[] = [];
  let cursor = "";
  for (let page = 0; page < 1_000; page++) {
    const answer = await send("GET", `${downloader}/downloads?limit=1000${cursor}`);
    if (answer.status !== 200) throw new Error(`GET /downloads: ${answer.status} ${answer.body.toString()}`);
    const { downloads: some, next } = json(answer) as { downloads: Download[]; next: string | null };
    downloads.push(...some);
    if (next === null) return downloads;
    cursor = `&cursor=${encodeURIComponent(next)}`;
  }
  throw new Error("the downloads have no last page");
}
