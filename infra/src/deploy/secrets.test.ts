import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { Kubectl } from "../kubernetes/kubectl.ts";
import { FakeNode } from "../node/fake-node.ts";
import { postgresEnvironment, pullConfig } from "./secrets.ts";

const signal = new AbortController().signal;

describe("Postgres' password", () => {
  async function inFolder(body: (folder: string) => Promise<void>) {
    const folder = await mkdtemp(join(tmpdir(), "wharf-state-"));
    try {
      await body(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  const ask = (folder: string, node: FakeNode, isDryRun = false) =>
    postgresEnvironment({
      stateFolder: join(folder, "state"),
      kubectl: new Kubectl(node),
      namespace: "wharf",
      isDryRun,
      signal,
    });
  const none = () => new FakeNode().on("get secrets", JSON.stringify({ items: [] }));

  test("is made once, for nobody else to read", () =>
    inFolder(async (folder) => {
      const made = await ask(folder, none());
      expect(made.text).toMatch(/^POSTGRES_PASSWORD=[0-9a-f]{48}\n$/);
      expect((await stat(made.file)).mode & 0o777).toBe(0o600);
      expect(await ask(folder, none())).toEqual({ ...made, isNew: false });
    }));

  test("is the one that the cluster has, when the file was lost", () =>
    inFolder(async (folder) => {
      const secret = (password: string, creationTimestamp: string) => ({
        metadata: { creationTimestamp },
        data: { POSTGRES_PASSWORD: Buffer.from(password).toString("base64") },
      });
      const items = [secret("old", "2026-01-01T00:00:00Z"), secret("new", "2026-02-01T00:00:00Z")];
      const node = new FakeNode().on("get secrets", JSON.stringify({ items }));
      expect((await ask(folder, node)).text).toBe("POSTGRES_PASSWORD=new\n");
      expect(node.ran[0]?.options.hasSecretOutput).toBe(true);
    }));

  test("is not written down in a dry run", () =>
    inFolder(async (folder) => {
      await ask(folder, none(), true);
      expect(await readdir(folder)).toEqual([]);
    }));
});

describe("the registry's password", () => {
  const spec = {
    registry: "registry.example.org:5000/team",
    registryCredentials: { user: "reader", passwordVariable: "REGISTRY_PASSWORD" },
  };

  test("is for that registry, from the environment", () => {
    expect(JSON.parse(pullConfig(spec, { REGISTRY_PASSWORD: 'p"w' }) ?? "")).toEqual({
      auths: { "registry.example.org:5000": { username: "reader", password: 'p"w' } },
    });
    expect(pullConfig({ registry: "registry.example.org" }, {})).toBeUndefined();
  });

  test("that is not there is asked for by its name", () => {
    expect(() => pullConfig(spec, {})).toThrow("REGISTRY_PASSWORD is not set");
  });
});
