import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { temporaryFolder } from "./kubectl.ts";

test.for(["SIGTERM", "SIGINT", "SIGHUP"] as const)("a script ended by %s leaves no folder", async (name) => {
  const place = await mkdtemp(join(tmpdir(), "wharf-run-"));
  try {
    const script = temporaryFolder.replaceAll("/run/wharf", place);
    // The inner shell is what says that it has begun: a signal that meets the outer one before its fork is not passed on.
    const child = spawn(
      "sh",
      ["-euc", `${script}touch "$folder/secret"; sh -c 'echo begun; exec sleep 60'`],
      {
        stdio: ["ignore", "pipe", "ignore"],
        detached: true,
      },
    );
    await once(child.stdout, "data");
    expect(await readdir(place)).toHaveLength(1);
    process.kill(-(child.pid ?? 0), name);
    expect(await once(child, "exit")).toEqual([143, null]);
    expect(await readdir(place)).toEqual([]);
  } finally {
    await rm(place, { recursive: true });
  }
});
