import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";

import { Docker } from "./docker.ts";

const docker = new Docker(new AbortController().signal);
const answers = spawnSync("docker", ["version"]).status === 0;

afterEach(() => {
  vi.unstubAllEnvs();
});

it("a machine without Docker is told how to get it", async () => {
  vi.stubEnv("PATH", mkdtempSync(join(tmpdir(), "wharf-empty-")));
  await expect(docker.run(["version"])).rejects.toMatchObject({
    code: "DOCKER_FAILED",
    hint: expect.stringContaining("apt-get install") as string,
  });
});

describe.skipIf(!answers)(`with Docker${answers ? "" : ": it does not answer"}`, () => {
  it("a daemon that does not run is told as such", async () => {
    vi.stubEnv("DOCKER_HOST", "unix:///nowhere/docker.sock");
    await expect(docker.run(["version"])).rejects.toMatchObject({ hint: "systemctl start docker" });
  });

  it("a client that is too new is told the version that the daemon knows", async () => {
    vi.stubEnv("DOCKER_API_VERSION", "9.99");
    await expect(docker.run(["version"])).rejects.toMatchObject({
      hint: expect.stringMatching(/^export DOCKER_API_VERSION=1\.\d+$/) as string,
    });
  });

  it("nothing is found where there is nothing", async () => {
    expect(await docker.inspect("container", "wharf-no-such-container")).toBeUndefined();
    expect(await docker.inspect("image", "wharf-no-such-image")).toBeUndefined();
    expect(await docker.inspect("network", "wharf-no-such-network")).toBeUndefined();
    expect(await docker.labelled("volume", "wharf.sandbox=no-such-sandbox")).toEqual([]);
  });
});
