import { expect, it } from "vitest";

import { BundleError } from "./errors.ts";
import { apiOf, parseReference } from "./reference.ts";

it.for([
  ["registry.k8s.io/coredns/coredns:v1.14.6", "registry.k8s.io", "coredns/coredns", "v1.14.6"],
  ["10.1.2.2:5000/google_containers/pause:3.9", "10.1.2.2:5000", "google_containers/pause", "3.9"],
  ["localhost/thing:1", "localhost", "thing", "1"],
  ["flannel/flannel:v0.28.4", "docker.io", "flannel/flannel", "v0.28.4"],
  ["busybox", "docker.io", "library/busybox", "latest"],
] as const)("%s is taken apart", ([image, host, repository, tag]) => {
  expect(parseReference(image)).toEqual({ host, repository, tag });
});

it.for(["", "Upper/case:1", `pause@sha256:${"0".repeat(64)}`, "a/../b:1"])("%j is refused", (image) => {
  expect(() => parseReference(image)).toThrow(BundleError);
});

it.for([
  ["registry.k8s.io", {}, "https://registry.k8s.io/v2"],
  ["docker.io", {}, "https://registry-1.docker.io/v2"],
  ["ghcr.io", { _default: "http://10.1.2.2:5000" }, "http://10.1.2.2:5000/v2"],
  ["ghcr.io", { _default: "http://a.example", "ghcr.io": "http://b.example/" }, "http://b.example/v2"],
  ["ghcr.io", { "ghcr.io": "https://b.example/v2/ghcr" }, "https://b.example/v2/ghcr"],
] as const)("%s is asked where its mirror is: %j", ([host, mirrors, api]) => {
  expect(apiOf(host, mirrors)).toBe(api);
});
