import { setFlagsFromString } from "node:v8";

// V8 lets what is young take up to three times 16 MiB before it looks through it, and most of what a downloader makes is
// dead within a millisecond. It has to be told before anything is loaded; 64 downloads at once take 30 MB less then. So
// little is looked through by one thread sooner than by several that have to be woken.
setFlagsFromString("--semi-space-growth-factor=1");
setFlagsFromString("--no-parallel-scavenge");

const { runService } = await import("@wharf/service");
const { buildService } = await import("./app.ts");
const { parseConfig } = await import("./config.ts");

await runService(process, "downloader", parseConfig, buildService);
