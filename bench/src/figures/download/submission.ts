import { join } from "node:path";

import { spread } from "../../compare.ts";
import { startDownloader, startNginx } from "../../contenders.ts";
import { repeat, submit, untilRunning } from "../../downloads.ts";
import { makeFile } from "../../make-file.ts";
import type { Reading } from "../../reading.ts";
import { describeSpread } from "../../report.ts";
import { makeFolder } from "../../workspace.ts";
import { DATABASES, variablesFor, type Database } from "./database.ts";

const ELEMENTS = 1000;
const ACTIVE = 8;
const BYTES = 2 ** 30;

/** From the request until its answer, for a thousand downloads in one request. */
export const submission: readonly Reading[] = DATABASES.flatMap((database) => [
  reading(database, 0),
  reading(database, ACTIVE),
]);

function reading(database: Database, active: number): Reading {
  const beside = active === 0 ? "nothing running" : `${active} running at 20 MiB/s each`;
  return {
    title: `1,000 downloads in one POST, ${beside}, ${database}`,
    wanted: "< 1,000 ms",
    measure: async (workspace, stack, runs) => {
      const source = await makeFolder(workspace, stack);
      const nginx = stack.use(await startNginx(source, { rate: "20m" }));
      const url = `${nginx.url}/files/in.bin`;
      const volume = await makeFolder(workspace, stack);
      const variables = await variablesFor(database, stack);
      if (!variables) return "no Postgres here";
      const { url: server } = stack.use(await startDownloader(volume, variables));
      if (active > 0) {
        await makeFile(join(source, "in.bin"), BYTES);
        await submit(server, repeat({ url, segments: 1 }, active));
        await untilRunning(server, active);
      }
      const wanted = repeat({ url, notBefore: "2999-01-01T00:00:00Z" }, ELEMENTS);
      const times: number[] = [];
      await submit(server, wanted);
      for (let run = 0; run < runs; run++) {
        const startedAt = performance.now();
        await submit(server, wanted);
        times.push(performance.now() - startedAt);
      }
      if (active > 0) await untilRunning(server, active);
      return describeSpread(spread(times), " ms");
    },
  };
}
