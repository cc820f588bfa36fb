import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const folder = new URL(".", import.meta.url);
const scripts = readdirSync(folder).filter((name) => name.endsWith(".sh"));
const text = (name: string) => readFileSync(new URL(name, folder), "utf8");
const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;

describe("the scripts that run on nodes", () => {
  it.for(scripts)("%s is short, and says first what it does", (name) => {
    const lines = text(name).trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(60);
    expect(lines[0]).toBe("#!/bin/sh");
    expect(lines[1]).toMatch(/^# \w/);
  });

  it.for(scripts.filter((name) => /^\d/.test(name)))(
    "%s does nothing before all of it has arrived",
    (name) => {
      expect(text(name).trimEnd().split("\n").at(-1)).toBe('main "$@"');
      const outside = text(name)
        .replace(/^\w+\(\) \{[\s\S]*?^\}/gm, "")
        .split("\n");
      const commands = outside.filter((line) => !/^(#.*|\w+=.*|main "\$@"|)$/.test(line));
      expect(commands).toEqual([]);
    },
  );

  it.skipIf(!hasShellcheck)(
    `shellcheck finds nothing${hasShellcheck ? "" : ": there is no shellcheck"}`,
    () => {
      const { stdout } = spawnSync("shellcheck", scripts, { cwd: folder, encoding: "utf8" });
      expect(stdout).toBe("");
    },
  );
});
