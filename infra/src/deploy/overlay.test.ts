import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import type { DeploySpec } from "../inventory/inventory.ts";
import { FakeNode } from "../node/fake-node.ts";
import { parseRendered } from "./objects.ts";
import { kustomization, ownership } from "./overlay.ts";
import { checkManifests, usesPostgres } from "./parts.ts";
import { render, type Rendering } from "./render.ts";
import { images } from "./testing.ts";

const run = promisify(execFile);
const signal = new AbortController().signal;

const spec = { overlay: "hostpath", components: ["autoscaling"], namespace: "wharf", allowNetworks: [] };

describe("the kustomization", () => {
  test("lays namespace, components and images over the overlay", () => {
    expect(parse(kustomization(spec, images))).toMatchObject({
      namespace: "wharf",
      resources: ["../overlays/hostpath"],
      components: ["../components/autoscaling"],
      images: [
        { name: "wharf/fileserver", newName: "wharf.internal/fileserver", newTag: "dev-0123456789ab" },
        { name: "wharf/downloader", newName: "wharf.internal/downloader", newTag: "dev-ba9876543210" },
      ],
    });
  });

  test("tells the services which networks they may fetch from", () => {
    const text = kustomization({ ...spec, allowNetworks: ["192.0.2.0/24", "198.51.100.7"] }, images);
    expect(parse(text)).toMatchObject({
      configMapGenerator: [{ behavior: "merge", literals: ["ALLOW_NETWORKS=192.0.2.0/24,198.51.100.7"] }],
    });
  });
});

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).error === undefined;

describe.skipIf(!hasKubectl)("rendered manifests (with kubectl)", () => {
  const registry = {
    registry: "registry.example.org/team",
    registryCredentials: { user: "reader", passwordVariable: "PASSWORD" },
  };

  /** What the control plane is fed, rendered here. */
  async function rendered(deploy: DeploySpec, more: Omit<Rendering, "kustomization">) {
    const node = new FakeNode().on("render", "");
    await render(node, { kustomization: kustomization(deploy, images), ...more }, signal);
    const folder = await mkdtemp(join(tmpdir(), "wharf-render-"));
    try {
      await writeFile(join(folder, "manifests.tar"), node.ran[0]?.fed ?? "");
      await run("tar", ["-xf", "manifests.tar"], { cwd: folder });
      const { stdout } = await run("kubectl", ["kustomize", join(folder, "deploy")]);
      return parseRendered(stdout);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test.for(["hostpath", "shared", "per-pod", "pod"])(
    "of %s pull with a password, and keep it in a Secret",
    async (overlay) => {
      const objects = await rendered(
        { ...spec, ...registry, overlay, components: [] },
        { pullConfig: "{}", postgresEnvironment: "POSTGRES_PASSWORD=x\n" },
      );
      expect(objects.find(({ metadata }) => metadata.name === "wharf-registry")).toMatchObject({
        kind: "Secret",
        type: "kubernetes.io/dockerconfigjson",
        data: { ".dockerconfigjson": "e30=" },
        metadata: { namespace: "wharf", labels: ownership },
      });
      const imagePullSecrets = [{ name: "wharf-registry" }];
      const specs: readonly unknown[] = objects
        .map(({ kind, spec: its }) => (kind === "Pod" ? its : its?.template?.spec))
        .filter((one) => one !== undefined);
      expect(specs).toHaveLength(overlay === "shared" ? 2 : 1);
      for (const one of specs) expect(one).toMatchObject({ imagePullSecrets });
    },
  );

  test("name no Secret where the registry asks for no password", async () => {
    const objects = await rendered({ ...spec, overlay: "hostpath" }, {});
    expect(JSON.stringify(objects)).not.toContain("imagePullSecrets");
    expect(JSON.stringify(objects)).toContain("wharf.internal/fileserver:dev-0123456789ab");
  });
});

describe("the manifests", () => {
  test("have Postgres where the overlay has it, or the inventory adds it", async () => {
    expect(await usesPostgres({ ...spec, components: [] })).toBe(false);
    expect(await usesPostgres({ ...spec, components: ["postgres"] })).toBe(true);
    expect(await usesPostgres({ ...spec, overlay: "shared", components: [] })).toBe(true);
  });

  test("that there are not are named beside those that there are", async () => {
    await expect(checkManifests({ ...spec, overlay: "hostpaths" })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringMatching(/no overlay hostpaths: did you mean hostpath\?.*per-pod/) as string,
    });
    await expect(checkManifests({ ...spec, components: ["nothing"] })).rejects.toThrow(
      "no component nothing",
    );
    await expect(checkManifests(spec)).resolves.toBeUndefined();
  });
});
