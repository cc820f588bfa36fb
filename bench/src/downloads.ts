import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 10;
const TIMEOUT_MS = 300_000;
/** The most that one request may ask for, and one page holds. */
const PAGE = 1000;

/** What is asked of a downloader, as its API has it. */
export interface Wanted {
  readonly url: string;
  readonly path?: string;
  readonly filename?: string;
  readonly segments?: number;
  readonly priority?: number;
  readonly notBefore?: string;
}

/** The same, so many times. */
export function repeat(wanted: Wanted, count: number): Wanted[] {
  return Array.from({ length: count }, () => wanted);
}

interface Download {
  readonly id: string;
  readonly state: string;
  readonly error: { readonly code: string; readonly detail: string } | null;
}

/**
 * Submits downloads, a thousand in each request, and resolves to their ids in the same order.
 *
 * @throws Error when one is refused
 */
export async function submit(server: string, wanted: readonly Wanted[]): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < wanted.length; start += PAGE) {
    const { results } = await request<{ results: { status: number; download?: Download }[] }>(
      `${server}/downloads`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(wanted.slice(start, start + PAGE)),
      },
    );
    for (const { status, download } of results) {
      if (!download) throw new Error(`a download was answered ${status}`);
      ids.push(download.id);
    }
  }
  return ids;
}

/**
 * Resolves when the downloads are completed, which must be the newest: the last of them is asked after every 10 ms,
 * and, when it is done, the listing for the others.
 *
 * @throws Error when one ends otherwise, or it takes longer than five minutes
 */
export async function untilCompleted(server: string, ids: readonly string[]): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  const isCompleted = ({ id, state, error }: Download): boolean => {
    if (state === "failed" || state === "canceled")
      throw new Error(`download ${id} ${state}: ${error?.code ?? ""} ${error?.detail ?? ""}`);
    if (performance.now() > deadline) throw new Error(`download ${id} is still ${state} after five minutes`);
    return state === "completed";
  };
  const last = ids.at(-1) ?? "";
  while (!isCompleted(await request<Download>(`${server}/downloads/${last}`))) await sleep(POLL_MS);
  if (ids.length === 1) return;
  while (!(await newest(server, ids.length)).every(isCompleted)) await sleep(POLL_MS);
}

/** Submits downloads and waits for them; resolves to the seconds from the one to the other. */
export async function downloadSeconds(server: string, wanted: readonly Wanted[]): Promise<number> {
  const startedAt = performance.now();
  await untilCompleted(server, await submit(server, wanted));
  return (performance.now() - startedAt) / 1000;
}

/** How many downloads are in a state now. */
export async function countIn(server: string, state: string): Promise<number> {
  const { states } = await request<{ states: Record<string, number> }>(`${server}/stats`);
  return states[state] ?? 0;
}

/**
 * Resolves when so many downloads are running at once.
 *
 * @throws Error when that takes longer than ten seconds
 */
export async function untilRunning(server: string, count: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const running = await countIn(server, "running");
    if (running >= count) return;
    if (performance.now() > deadline) throw new Error(`only ${running} of ${count} downloads run at once`);
    await sleep(POLL_MS);
  }
}

async function newest(server: string, count: number): Promise<Download[]> {
  const found: Download[] = [];
  let cursor: string | null = null;
  do {
    const limit = Math.min(PAGE, count - found.length);
    const query: string = cursor === null ? "" : `&cursor=${cursor}`;
    const page: { downloads: Download[]; next: string | null } = await request(
      `${server}/downloads?limit=${limit}${query}`,
    );
    found.push(...page.downloads);
    cursor = page.next;
  } while (found.length < count && cursor !== null);
  return found;
}

async function request<T>(url: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} was answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
