import { runService } from "@wharf/service";

import { buildService } from "./app.ts";
import { parseConfig } from "./config.ts";

await runService(process, "downloader", parseConfig, buildService);
