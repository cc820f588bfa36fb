import { endAtOnce } from "@wharf/service/signals";

endAtOnce(process);

// Only now, since it takes its time.
const [{ runService }, { parseConfig }, { buildService }] = await Promise.all([
  import("@wharf/service"),
  import("./config.ts"),
  import("./app.ts"),
]);
await runService(process, "fileserver", parseConfig, buildService);
