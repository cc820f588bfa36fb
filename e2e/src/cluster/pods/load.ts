// Runs in a Pod, by Node alone: a constant load of uploads and downloads on both services, over connections that are kept
// open as real clients keep them. `POST :7000/stop` ends it and answers with what failed (no request needs a second try
// as long as Pods end in order) and with what was lost (nothing that was acknowledged ever is).
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { noiseBuffer, sha256 } from "../../harness/content.ts";

const { FILESERVER = "", DOWNLOADER = "", ORIGIN = "", NAME = "" } = process.env;
const CONTROL_PORT = 7_000;
const POLL_MS = 250;
const PAUSE_MS = 100;
const TRIES = 40;
const READ_BYTES_PER_MS = 2_000;
const SLOW_PIECES = 40;
const SLOW_PIECE_MS = 200;

/** What was done, what did not succeed at the first try, and what is not as it was acknowledged. */
const counts: Record<string, number> = {};
const failures: string[] = [];
const losses: string[] = [];
/** What the services said is stored. */
const acknowledged = new Map<string, string>();
const stop = new AbortController();
let turn = 0;
let lastEventId: string | undefined;

const folder = `${FILESERVER}/files/load-${NAME}`;
const loops = [
  repeat("upload", upload),
  repeat("upload", upload),
  repeat("slow upload", slowUpload),
  repeat("slow read", slowRead),
  repeat("download", download),
  repeat("download", download),
  repeat("events", followEvents),
];

createServer((request, response) => {
  const answer = () =>
    response.end(JSON.stringify({ counts, failures, losses, acknowledged: acknowledged.size }));
  if (request.method === "POST") {
    stop.abort();
    Promise.all(loops)
      .then(verify)
      .catch((error: unknown) => losses.push(`verification: ${describe(error)}`))
      .finally(answer);
  } else {
    answer();
  }
}).listen(CONTROL_PORT, () => console.log("load runs"));

async function repeat(name: string, once: (id: number) => Promise<void>): Promise<void> {
  while (!stop.signal.aborted) {
    const id = (turn += 1);
    try {
      await once(id);
      counts[name] = (counts[name] ?? 0) + 1;
      await sleep(PAUSE_MS);
    } catch (error) {
      fail(`${name} ${id}`, error);
      await sleep(POLL_MS);
    }
  }
}

function fail(what: string, error: unknown): void {
  failures.push(`${new Date().toISOString()} ${what}: ${describe(error)}`);
}

async function upload(id: number): Promise<void> {
  const body = noiseBuffer(1 + ((id * 7_919) % 2_000_000), `${NAME}-${id}`);
  await put(`upload-${id}`, body, body.length, sha256(body));
  await expectFile(`upload-${id}`);
}

/** Some eight seconds, so that it is under way when its replica is told to end. */
async function slowUpload(id: number): Promise<void> {
  const body = noiseBuffer(SLOW_PIECES * 200_000, `${NAME}-${id}`);
  async function* pieces(): AsyncGenerator<Buffer> {
    const begun = performance.now();
    for (let piece = 0; piece < SLOW_PIECES; piece += 1) {
      yield body.subarray(piece * 200_000, (piece + 1) * 200_000);
      await sleep(Math.max(0, begun + (piece + 1) * SLOW_PIECE_MS - performance.now()));
    }
  }
  await put(`slow-${id}`, ReadableStream.from(pieces()), body.length, sha256(body));
}

/** Likewise: a reader that takes its time. */
async function slowRead(id: number): Promise<void> {
  const body = noiseBuffer(16_000_000, "read");
  const name = `read-${NAME}`;
  if (!acknowledged.has(name)) await put(name, body, body.length, sha256(body));
  const response = await expectStatus(200, `${folder}/${name}?turn=${id}`);
  const parts: Uint8Array[] = [];
  const begun = performance.now();
  let taken = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    taken += part.length;
    // By the clock: a busy machine must not make it slower than the grace is long.
    await sleep(Math.max(0, begun + taken / READ_BYTES_PER_MS - performance.now()));
  }
  if (taken !== body.length || sha256(Buffer.concat(parts)) !== sha256(body))
    throw new Error(`${taken} of ${body.length} bytes came`);
}

async function download(id: number): Promise<void> {
  const bytes = 1_000 + ((id * 104_729) % 8_000_000);
  const seed = `${NAME}-${id}`;
  const submission = {
    url: `${ORIGIN}/${seed}/${bytes}?rate=1000000`,
    path: `/load-${NAME}`,
    filename: `fetched-${id}`,
    onConflict: "fail",
  };
  const created = await expectStatus(201, `${DOWNLOADER}/downloads`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(submission),
  });
  const { id: downloadId } = (await created.json()) as { id: string };
  // It was promised: from here on, whatever becomes of it but its end is a loss.
  await untilCompleted(downloadId).catch((error: unknown) => losses.push(describe(error)));
  acknowledged.set(`fetched-${id}`, sha256(noiseBuffer(bytes, seed)));
  await expectFile(`fetched-${id}`);
}

async function untilCompleted(downloadId: string): Promise<void> {
  for (;;) {
    const { state, error } = await again(async () => {
      const answer = await expectStatus(200, `${DOWNLOADER}/downloads/${downloadId}`);
      return (await answer.json()) as { state: string; error?: unknown };
    });
    if (state === "completed") return;
    if (state === "failed") throw new Error(`download ${downloadId} failed: ${JSON.stringify(error)}`);
    await sleep(POLL_MS);
  }
}

/** A stream of events ends with its replica, in order; the next one goes on after the last event. */
async function followEvents(): Promise<void> {
  const headers = {
    accept: "text/event-stream",
    ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
  };
  const signal = AbortSignal.timeout(20_000);
  const response = await expectStatus(200, `${DOWNLOADER}/downloads/events`, { headers, signal });
  const decoder = new TextDecoder();
  try {
    for await (const part of response.body ?? []) {
      lastEventId = /^id: ?(.+)$/gm.exec(decoder.decode(part, { stream: true }))?.[1] ?? lastEventId;
      if (stop.signal.aborted) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function put(
  name: string,
  body: Buffer | ReadableStream,
  bytes: number,
  digest: string,
): Promise<void> {
  const headers = { "content-length": String(bytes) };
  // A stream of known length goes out as such only through undici's own option.
  const init = { method: "PUT", body, headers, duplex: "half" } as RequestInit;
  await expectStatus(201, `${folder}/${name}`, init);
  acknowledged.set(name, digest);
}

async function expectFile(name: string): Promise<void> {
  const found = await again(async () => {
    const response = await expectStatus(200, `${folder}/${name}`);
    return sha256(new Uint8Array(await response.arrayBuffer()));
  });
  if (found !== acknowledged.get(name)) losses.push(`${name} has other bytes than were acknowledged`);
}

/** What may be asked again after a connection that broke; that it did is kept. */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof TypeError) || left === 0) throw error;
      fail("asked again", error);
      await sleep(POLL_MS);
    }
  }
}

async function expectStatus(status: number, url: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status === status) return response;
  throw new Error(`${init?.method ?? "GET"} ${url}: ${response.status} ${await response.text()}`);
}

/** All that was acknowledged is there, once, and nothing else is. */
async function verify(): Promise<void> {
  for (const name of acknowledged.keys()) await expectFile(name);
  const headers = { accept: "application/json" };
  const response = await expectStatus(200, `${folder}/?limit=10000`, { headers });
  const { entries } = (await response.json()) as { entries: { name: string }[] };
  const others = entries.map((entry) => entry.name).filter((name) => !acknowledged.has(name));
  // An answer that was lost may stand for a file that is there; without a failure there is none such.
  if (others.length > failures.length) losses.push(`nobody was told of ${others.join(", ")}`);
  if (entries.length - others.length !== acknowledged.size)
    losses.push(`${entries.length - others.length} of ${acknowledged.size} are listed`);
  // A directory of a node's outlives what used it; what was lost is kept to be looked at.
  if (losses.length === 0) await expectStatus(204, `${folder}?recursive=true`, { method: "DELETE" });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
