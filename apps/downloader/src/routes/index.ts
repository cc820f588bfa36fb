import type { App } from "@wharf/service";
import type { Volume } from "@wharf/volume";

import type { GuardPolicy } from "../downloads/guard.ts";
import type { DownloadStore } from "../downloads/store.ts";
import { addChange } from "./change.ts";
import { addCreate } from "./create.ts";
import { addDelete } from "./delete.ts";
import { DownloadSchema } from "./download-schema.ts";
import { addEvents } from "./events.ts";
import { addGet } from "./get.ts";
import { addHome } from "./home.ts";
import { addList } from "./list.ts";
import { addStats } from "./stats.ts";

/** What the routes work with. */
export interface RouteContext {
  readonly volume: Volume;
  readonly store: DownloadStore;
  readonly policy: GuardPolicy;
  /** Tells this replica's worker that there is something to do. */
  readonly wake: () => void;
}

/** Registers every route of the downloader. */
export function addRoutes(app: App, context: RouteContext): void {
  app.addSchema(DownloadSchema);
  app.register(async (scope: App) => {
    addHome(scope);
    addCreate(scope, context);
    addList(scope, context);
    addGet(scope, context);
    addChange(scope, context);
    addDelete(scope, context);
    addEvents(scope, context);
    addStats(scope, context);
  });
}
