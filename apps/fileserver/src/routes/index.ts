import type { App } from "@wharf/service";
import type { Volume } from "@wharf/volume";

import type { Transfers } from "../transfers.ts";
import { addDelete } from "./delete.ts";
import { addHome } from "./home.ts";
import { leaveBodies } from "./leave-bodies.ts";
import { addMakeDirectory } from "./make-directory.ts";
import { addPost } from "./post.ts";
import { addPut } from "./put.ts";
import { addRead } from "./read.ts";

/** What the routes work with. */
export interface RouteContext {
  readonly volume: Volume;
  readonly transfers: Transfers;
  readonly maxUploadBytes: number;
}

/** Registers every route of the fileserver. */
export function addRoutes(app: App, context: RouteContext): void {
  app.addHttpMethod("MKCOL", { hasBody: true });
  app.register(async (scope: App) => {
    leaveBodies(scope);
    addHome(scope);
    addRead(scope, context);
    addDelete(scope, context);
    addMakeDirectory(scope, context);
  });
  app.register(async (scope: App) => addPut(scope, context));
  app.register(async (scope: App) => addPost(scope, context));
}
