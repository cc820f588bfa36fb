import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { kustomization } from "./overlay.ts";
import { checkManifests, usesPostgres } from "./parts.ts";
import { images } from "./testing.ts";

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
