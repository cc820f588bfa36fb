import { type App } from "@wharf/service";
import { Type } from "typebox";

import { STATES } from "../downloads/download.ts";
import type { RouteContext } from "./index.ts";

const schema = {
  summary: "Count downloads",
  tags: ["downloads"],
  response: {
    200: Type.Object({
      states: Type.Record(Type.Enum([...STATES]), Type.Integer(), {
        description: "How many there are in each",
      }),
      bytes: Type.Integer({ description: "Bytes received by all downloads on record" }),
      speed: Type.Integer({ description: "Bytes a second, of all replicas together" }),
    }),
  },
};

/** `GET /stats`. */
export function addStats(app: App, { store }: RouteContext): void {
  app.get("/stats", { schema }, () => store.stats());
}
