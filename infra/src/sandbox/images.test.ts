import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

import { imageName } from "./images.ts";

const scripts = ["install.sh", "node/init.sh", "mirror/init.sh"];
const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;

it("an image's name changes with its base and its kind, and with nothing else", async () => {
  const name = await imageName("node", "debian:bookworm");
  expect(name).toMatch(/^wharf-sandbox-node:[0-9a-f]{12}$/);
  expect(await imageName("node", "debian:bookworm")).toBe(name);
  expect(await imageName("node", "debian:trixie")).not.toBe(name);
  expect(await imageName("mirror", "debian:bookworm")).toMatch(/^wharf-sandbox-mirror:/);
});

it.skipIf(!hasShellcheck)(
  `shellcheck finds nothing${hasShellcheck ? "" : ": there is no shellcheck"}`,
  () => {
    const cwd = new URL("images/", import.meta.url);
    expect(spawnSync("shellcheck", scripts, { cwd, encoding: "utf8" }).stdout).toBe("");
  },
);
