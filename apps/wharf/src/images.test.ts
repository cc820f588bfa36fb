import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "images.ts");
const folder = mkdtempSync(join(tmpdir(), "wharf-images-"));
afterAll(() => rmSync(folder, { recursive: true }));

function images(args: string[], path = folder) {
  return spawnSync(process.execPath, [MAIN, ...args], { env: { PATH: path }, encoding: "utf8" });
}

it.each([
  [["--load", "--push"], "--load or --push, not both"],
  [["--push"], "--push needs --registry"],
  [["--tag", "a/b"], '--tag must be letters, digits, "_", "." and "-", not "a/b".'],
  [["--registry", "https://registry.example"], "--registry must be a host and a path in lower case"],
  [["--fast"], "Unknown option '--fast'"],
  [["fileserver"], "Unexpected argument 'fileserver'"],
])("%j exits with 2 and says what is possible", (args, message) => {
  const { status, stderr } = images(args);
  expect(stderr).toContain(message);
  expect(stderr).toContain("Usage: pnpm images");
  expect(status).toBe(2);
});

it("--help tells of every option", () => {
  const { status, stdout } = images(["--help"]);
  expect(status).toBe(0);
  for (const option of ["--load", "--push", "--platform", "--tag", "--registry", "--node-image"])
    expect(stdout).toContain(option);
});

it("says what to install when there is no docker", () => {
  const { status, stderr } = images(["--load"]);
  expect(stderr).toMatch(/^There is no docker here: install Docker/);
  expect(status).toBe(1);
});

it.each([
  ["buildx", "Docker lacks its plugin buildx"],
  ["version", "Docker's daemon does not answer"],
])("says what is missing when docker's %s fails", (command, message) => {
  const program = `#!/bin/sh\n[ "$1" != ${command} ]\n`;
  const path = mkdtempSync(join(folder, `${command}-`));
  writeFileSync(join(path, "docker"), program);
  chmodSync(join(path, "docker"), 0o755);
  const { status, stderr } = images(["--load"], path);
  expect(stderr).toContain(message);
  expect(status).toBe(1);
});

it.each([
  [["--load"], "1"],
  [["--push", "--registry", "registry.example"], "none"],
])("%j builds with attestations only what is pushed", (args, setting) => {
  const path = mkdtempSync(join(folder, "bake-"));
  const program =
    '#!/bin/sh\n[ "$2" != bake ] || echo "attestations: ${BUILDX_NO_DEFAULT_ATTESTATIONS-none}"\n';
  writeFileSync(join(path, "docker"), program, { mode: 0o755 });
  const { stdout, status } = images(args, `${path}:${process.env["PATH"]}`);
  expect(stdout).toContain(`attestations: ${setting}\n`);
  expect(status).toBe(0);
});
