import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import type { Image } from "./images.ts";
import { kustomization } from "./overlay.ts";

const spec = { overlay: "hostpath", components: ["autoscaling"], namespace: "wharf", allowNetworks: [] };
const images: readonly Image[] = [
  {
    service: "fileserver",
    source: "wharf/fileserver:dev",
    name: "wharf/fileserver",
    tag: "dev-0123456789ab",
  },
  {
    service: "downloader",
    source: "wharf/downloader:dev",
    name: "wharf/downloader",
    tag: "dev-ba9876543210",
  },
];

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
