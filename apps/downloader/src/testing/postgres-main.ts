import { once } from "node:events";

import { lackOfPostgres, startPostgres } from "./postgres.ts";

// `pnpm postgres`: a server to try the downloader on, gone without a trace when it ends.
const lack = lackOfPostgres();
if (lack !== undefined) {
  console.error(`No Postgres can be started: ${lack}. On Debian: apt-get install postgresql`);
  process.exit(1);
}
const postgres = await startPostgres();
console.log(`DATABASE_URL=${postgres.url}\n\nPostgres runs until Ctrl-C; everything in it goes then.`);
await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
await postgres.close();
