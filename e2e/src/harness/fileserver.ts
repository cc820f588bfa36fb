import { randomUUID } from "node:crypto";
import { afterAll, beforeAll } from "vitest";

import { target } from "./environment.ts";
import { makeFolder, removeFolder } from "./folder.ts";
import { send } from "./http.ts";
import { startService, type Service } from "./service.ts";

/**
 * A fileserver for the suite that calls this, the target's or one of its own, and the URL of a folder there that nobody
 * else uses; set when its first test runs.
 */
export function useFileserver(): { readonly url: string; readonly folder: string } {
  const state = { url: target?.fileserverUrl ?? "", folder: "" };
  let service: Service | undefined;
  let volume: string | undefined;
  beforeAll(async () => {
    if (!target) {
      volume = await makeFolder();
      service = await startService("fileserver", { VOLUME_DIR: volume });
      state.url = service.url;
    }
    state.folder = `${state.url}/files/e2e-${randomUUID()}/`;
  });
  afterAll(async () => {
    if (target) await send("DELETE", `${state.folder}?recursive=true`);
    await service?.end("SIGKILL");
    if (volume !== undefined) await removeFolder(volume);
  });
  return state;
}
