import { rm } from "node:fs/promises";
import { join } from "node:path";

import { inPairs, spread, type Contender } from "../../compare.ts";
import { HOSTS, startDownloader, startNginx } from "../../contenders.ts";
import { downloadSeconds, repeat, submit, untilRunning } from "../../downloads.ts";
import { makeFile } from "../../make-file.ts";
import type { Reading } from "../../reading.ts";
import { describeSpread } from "../../report.ts";
import { contender, type Server } from "../../server.ts";
import { makeFolder } from "../../workspace.ts";
import { DATABASES, variablesFor, type Database } from "./database.ts";

const FEW = 1000;
const MANY = 100_000;
const DOWNLOADS = 500;
const MAX_PER_HOST = 4;

/** A downloader with its backlog in place, and what is asked of it beside that. */
type Backlog = (server: Server, origins: Origins, rows: number) => Promise<void>;

interface Origins {
  readonly fast: Server;
  /** On another address, and so slow that it never ends. */
  readonly slow: string;
}

/** All of them are later in the queue, and not due. */
const notDue: Backlog = async (server, { fast }, rows) => {
  const each = { url: `${fast.url}/files/small.bin`, priority: -1, notBefore: "2999-01-01T00:00:00Z" };
  await submit(server.url, repeat(each, rows));
};

/** All of them are due, and earlier in the queue, but their host has as many connections as it may have. */
const hostBusy: Backlog = async (server, { slow }, rows) => {
  await submit(server.url, repeat({ url: slow, segments: 1 }, MAX_PER_HOST));
  await untilRunning(server.url, MAX_PER_HOST);
  await submit(server.url, repeat({ url: slow }, rows));
};

/**
 * Seconds for 500 downloads of 1 KiB, from their submission to the last one's completion, over a backlog of 100,000
 * downloads that cannot run, against the same over one of 1,000.
 */
export const backlog: readonly Reading[] = DATABASES.flatMap((database) => [
  reading(database, "not due yet", notDue),
  reading(database, "due, of a host that is at its limit", hostBusy),
]);

function reading(database: Database, what: string, fill: Backlog): Reading {
  return {
    title: `500 downloads over a backlog of 100,000 against 1,000, ${what}, ${database}: times as long`,
    wanted: "< 1.5",
    measure: async (workspace, stack, runs) => {
      const source = await makeFolder(workspace, stack);
      await makeFile(join(source, "small.bin"), 1024);
      await makeFile(join(source, "large.bin"), 64 * 2 ** 20);
      const fast = stack.use(await startNginx(source));
      const throttled = stack.use(await startNginx(source, { rate: "1k" }));
      const slow = `${throttled.url.replace(...HOSTS)}/files/large.bin`;
      const start = async (rows: number): Promise<Contender | undefined> => {
        const variables = await variablesFor(database, stack);
        if (!variables) return undefined;
        const volume = await makeFolder(workspace, stack);
        const limits = { MAX_PER_HOST: String(MAX_PER_HOST), DURABILITY: "relaxed" };
        const server = stack.use(await startDownloader(volume, { ...variables, ...limits }));
        await fill(server, { fast, slow }, rows);
        const each = { url: `${fast.url}/files/small.bin`, path: "/out" };
        const wanted = Array.from({ length: DOWNLOADS }, (_, index) => ({ ...each, filename: `${index}` }));
        return contender(server, async () => {
          const seconds = await downloadSeconds(server.url, wanted);
          await rm(join(volume, "out"), { recursive: true });
          return seconds;
        });
      };
      const [few, many] = [await start(FEW), await start(MANY)];
      if (!few || !many) return "no Postgres here";
      const results = await inPairs(many, few, runs);
      const times = spread(results.map(([{ seconds }]) => seconds));
      const ratio = spread(results.map(([over100000, over1000]) => over100000.seconds / over1000.seconds));
      return `${describeSpread(ratio, "", 2)}; ${describeSpread(times, " s", 2)}`;
    },
  };
}
