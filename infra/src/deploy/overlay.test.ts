import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { kustomization } from "./overlay.ts";
import { usesPostgres } from "./parts.ts";
import { images } from "./testing.ts";

const spec = { overlay: "hostpath", components: ["autoscaling"], namespace: "wharf", allowNetworks: [] };

describe("the kustomization", () => {
  test("lays namespace, components and images over the overlay", () => {
    expect(parse(kustomization(spec, images))).toMatchObject({
      namespace: "wharf",
      resources: ["../overlays/hostpath"],
      components: ["../components/autoscaling"],
      images: [
        { name: "wharf/fileserver", newName: "wharf/fileserver", newTag: "dev-0123456789ab" },
        { name: "wharf/downloader", newName: "wharf/downloader", newTag: "dev-ba9876543210" },
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
    const asked = usesPostgres({ ...spec, overlay: "hostpaths" });
    await expect(asked).rejects.toMatchObject({
      code: "MANIFEST_MISSING",
      hint: expect.stringContaining("hostpath, per-pod"),
    });
    await expect(usesPostgres({ ...spec, components: ["nothing"] })).rejects.toThrow(
      "k8s/components has no nothing.",
    );
  });
});
