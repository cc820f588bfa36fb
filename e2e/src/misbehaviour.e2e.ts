import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Version } from "./harness/answers.ts";
import { makeCertificates } from "./harness/certificates.ts";
import { sha256 } from "./harness/content.ts";
import { download, submit, type Download, type Result } from "./harness/downloads.ts";
import { useFolder } from "./harness/folder.ts";
import { json } from "./harness/http.ts";
import { MisbehavingOrigin, type Endpoint, type Listener } from "./harness/misbehaving.ts";
import { describeWith, ownServices, program } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { startService, type Service } from "./harness/service.ts";
import { CONNECTIONS } from "./misbehaviour/connections.ts";
import { DIGESTS } from "./misbehaviour/digests.ts";
import { FRAMING } from "./misbehaviour/framing.ts";
import { LENGTHS } from "./misbehaviour/lengths.ts";
import { NAME_ROWS } from "./misbehaviour/names.ts";
import { REDIRECTS } from "./misbehaviour/redirects.ts";
import { conditions, LIMITS, type Completed, type Failed, type Row, type World } from "./misbehaviour/row.ts";
import { SEGMENTS } from "./misbehaviour/segments.ts";
import { STATUSES } from "./misbehaviour/statuses.ts";
import { TIMES } from "./misbehaviour/times.ts";
import { VERSIONS } from "./misbehaviour/versions.ts";

const TABLE: Readonly<Record<string, readonly Row[]>> = {
  "lengths and limits": LENGTHS,
  "versions and ranges": VERSIONS,
  time: TIMES,
  statuses: STATUSES,
  redirects: REDIRECTS,
  framing: FRAMING,
  names: NAME_ROWS,
  connections: CONNECTIONS,
  digests: DIGESTS,
  segments: SEGMENTS,
};
const ROWS = Object.values(TABLE).flat();

/** What is to have become of a row; `name` counts when the row does not say what the file is called. */
function expected({ end }: Row, folder: string, name: string) {
  return "code" in end ? expectedFailure(end) : expectedFile(end, folder, name);
}

function expectedFailure({ code, detail }: Failed) {
  const error = { code, detail: expect.stringMatching(detail) as string };
  return { state: "failed", error, path: null, files: [] };
}

function expectedFile({ content, filename, modified }: Completed, folder: string, anyName: string) {
  const name = filename ?? anyName;
  const versions: readonly Version[] = "bytes" in content ? [content] : content;
  const hashes = versions.map(({ bytes }) => sha256(bytes));
  const file = {
    name,
    sha256: expect.toBeOneOf(hashes) as string,
    modified: modified ?? (expect.any(String) as string),
  };
  return { state: "completed", error: null, path: folder + name, files: [file] };
}

/** A row that has been submitted. */
interface Begun {
  readonly result: Result | undefined;
  readonly endpoint: Endpoint;
  readonly listener: Listener | undefined;
  readonly folder: string;
}

// All of them are submitted at once, and each then waits for its own: most of their time is spent waiting.
describeWith("a source that misbehaves", [ownServices, program("openssl")], () => {
  const certificates = useFolder();
  const volume = useFolder();
  const origin = new MisbehavingOrigin();
  const begun = new Map<Row, Begun>();
  let downloader: Service;

  beforeAll(async () => {
    const made = await makeCertificates(certificates.path);
    const [http, elsewhere, https] = await Promise.all([
      origin.listen(),
      origin.listen(),
      origin.listen({ tls: made.good }),
    ]);
    const nowhere = await origin.listen();
    await nowhere.close();
    const world: World = { http: http.url, elsewhere: elsewhere.url, https: https.url };
    downloader = await startService("downloader", {
      VOLUME_DIR: volume.path,
      ALLOW_NETWORKS: "127.0.0.0/8",
      ALLOW_PORTS: "*",
      NODE_EXTRA_CA_CERTS: made.authority,
      HEADERS_TIMEOUT_MS: String(LIMITS.headersTimeoutMs),
      STALL_TIMEOUT_MS: String(LIMITS.stallTimeoutMs),
      CONNECT_TIMEOUT_MS: "3000",
      MAX_ATTEMPTS: String(LIMITS.maxAttempts),
      SEGMENTS: "1",
      MAX_ACTIVE: "1000",
      MAX_PER_HOST: "1000",
    });
    const bodies = [];
    const places: Omit<Begun, "result">[] = [];
    for (const [index, row] of ROWS.entries()) {
      const endpoint = origin.serve(`row-${index}`, (exchange) => row.script(exchange, world));
      const { at = "http" } = row;
      const listener = typeof at === "function" ? await origin.listen(at(made)) : undefined;
      const base = listener?.url ?? (at === "nowhere" ? nowhere.url : at === "https" ? https.url : http.url);
      const folder = `/row-${index}/`;
      bodies.push({ url: base + endpoint.path + (row.path ?? "file"), path: folder, ...row.ask });
      places.push({ endpoint, listener, folder });
    }
    const answer = await submit(downloader.url, bodies);
    if (answer.status !== 200) throw new Error(`POST /downloads: ${answer.status} ${answer.body.toString()}`);
    const { results } = json(answer) as { results: Result[] };
    ROWS.forEach((row, index) => {
      const place = places[index];
      if (place) begun.set(row, { ...place, result: results[index] });
    });
  });
  afterAll(async () => {
    await downloader.end("SIGKILL");
    await origin.close();
  });

  /** The download of a row, once it has ended. */
  async function ended(result: Result | undefined): Promise<Download> {
    if (!result?.download) throw new Error(`It was refused: ${JSON.stringify(result?.problem)}`);
    let seen = result.download;
    await until(
      "it has ended",
      async () => {
        seen = await download(downloader.url, seen.id);
        return ["completed", "failed"].includes(seen.state);
      },
      100_000,
    );
    return seen;
  }

  /** What has become of a row, and what is there of it on the volume. */
  async function outcomeOf({ result, folder }: Begun) {
    const { state, error, file } = await ended(result);
    const names = await readdir(join(volume.path, folder)).catch(() => []);
    const contents = names.map(async (name) => {
      const path = join(volume.path, folder, name);
      return {
        name,
        sha256: sha256(await readFile(path)),
        modified: new Date((await stat(path)).mtimeMs).toUTCString(),
      };
    });
    return { state, error, path: file?.path ?? null, files: await Promise.all(contents) };
  }

  describe.each(Object.entries(TABLE))("%s", (_group, rows) => {
    // vitest shortens a title's $values; what a row is about must stay readable.
    it.each(rows.map((row) => [row.name, row] as const))("%s", async (_name, row) => {
      const place = begun.get(row);
      if (!place) throw new Error("It was not submitted.");
      const outcome = await outcomeOf(place);
      const { requests } = place.endpoint;
      expect({ ...outcome, asked: conditions(requests) }).toEqual({
        ...expected(row, place.folder, outcome.files[0]?.name ?? ""),
        asked: expect.any(Array) as object[], // to be seen when something else is wrong
      });
      row.asked?.(requests, {
        connections: place.listener?.connections() ?? NaN,
        bytesSent: place.endpoint.bytesSent(),
      });
    });
  });

  it("is only ever asked by GET, for the bytes as they are", () => {
    const requests = [...begun.values()].flatMap(({ endpoint }) => endpoint.requests);
    expect(requests.length).toBeGreaterThan(ROWS.length);
    const kinds = new Set(requests.map(({ method, headers }) => `${method} ${headers["accept-encoding"]}`));
    expect([...kinds]).toEqual(["GET identity"]);
  });

  it("is not shown in the log with the secrets that clients send it", () => {
    expect(downloader.log.join("\n")).not.toContain("e2e-secret");
    expect(downloader.log.length).toBeGreaterThan(ROWS.length);
  });

  it("played its part as it was written", () => {
    expect(origin.failures).toEqual([]);
  });
});
