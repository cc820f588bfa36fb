import { describe, expect, it } from "vitest";

import { COMBINATIONS } from "./combinations.ts";
import { describeManifests } from "./kustomize.ts";
import type { Manifest } from "./manifest.ts";
import { RELEASES, Schema } from "./schema.ts";

describeManifests("every overlay, with each two of its components and with all", (manifests) => {
  const schemas = RELEASES.map((release) => [release, new Schema(release)] as const);

  it.each(COMBINATIONS)(
    "%s is what the API takes, of the oldest release and the newest",
    async (_name, composition) => {
      const objects = await manifests().render(composition);
      const problems = schemas.flatMap(([release, schema]) =>
        objects.flatMap((object) =>
          schema
            .problems(object)
            .map((problem) => `${release} ${object.kind} ${object.metadata.name}: ${problem}`),
        ),
      );
      expect(problems).toEqual([]);
    },
  );

  it.each(COMBINATIONS)(
    "%s names nothing twice, and nothing that is not there",
    async (_name, composition) => {
      const objects = await manifests().render(composition);
      const ids = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      expect(new Set(ids).size).toBe(ids.length);
      expect(missing(objects, ids)).toEqual([]);
    },
  );

  it("has no namespace of its own", async () => {
    const objects = await manifests().render({
      overlay: "shared",
      components: ["monitoring", "autoscaling"],
    });
    expect(objects.filter(({ metadata }) => "namespace" in metadata)).toEqual([]);
  });
});

describe("the schemas", () => {
  const service = (spec: object): Manifest => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "a" },
    spec,
  });

  it.each(RELEASES)(
    "of %s refuse a field that is not known, a wrong type and one that is deprecated",
    (release) => {
      const schema = new Schema(release);
      expect(schema.problems(service({ ports: [{ port: 80 }] }))).toEqual([]);
      expect(schema.problems(service({ prots: [] }))).toEqual([
        "/spec must NOT have additional properties: prots",
      ]);
      expect(schema.problems(service({ ports: [{ port: "80" }] }))).toEqual([
        "/spec/ports/0/port must be integer",
      ]);
      expect(schema.problems(service({ loadBalancerIP: "192.0.2.1" }))).toEqual([
        "/spec/loadBalancerIP is deprecated",
      ]);
      expect(schema.problems({ ...service({}), apiVersion: "v1beta1" })).toEqual([
        "There is no v1beta1/Service.",
      ]);
    },
  );

  it("know what came after the oldest release", () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "a" },
      spec: { containers: [{ name: "a", lifecycle: { preStop: { sleep: { seconds: 5 } } } }] },
    };
    expect(RELEASES.map((release) => new Schema(release).problems(pod).length)).toEqual([1, 0]);
  });
});

/** What is referred to by name and not there; the operator's and the controller's own are not asked for. */
function missing(objects: readonly Manifest[], ids: readonly string[]): string[] {
  const text = JSON.stringify(objects);
  const references = [
    ...[...text.matchAll(/"configMapRef":\{"name":"([^"]+)"/g)].map(([, name]) => `ConfigMap/${name}`),
    ...[...text.matchAll(/"secretKeyRef":\{[^}]*"name":"([^"]+)"/g)].map(([, name]) => `Secret/${name}`),
    ...[...text.matchAll(/"claimName":"([^"]+)"/g)].map(([, name]) => `PersistentVolumeClaim/${name}`),
    ...[...text.matchAll(/"serviceAccountName":"([^"]+)"/g)].map(([, name]) => `ServiceAccount/${name}`),
    ...[...text.matchAll(/"serviceName":"([^"]+)"/g)].map(([, name]) => `Service/${name}`),
    ...[...text.matchAll(/"service":\{"name":"([^"]+)"/g)].map(([, name]) => `Service/${name}`),
    ...[...text.matchAll(/"nginx.ingress.kubernetes.io\/auth-secret":"([^"]+)"/g)].map(
      ([, name]) => `Secret/${name}`,
    ),
    ...objects
      .filter(({ kind }) => kind === "HorizontalPodAutoscaler")
      .map(({ spec }) => (spec as { scaleTargetRef: { kind: string; name: string } }).scaleTargetRef)
      .map(({ kind, name }) => `${kind}/${name}`),
  ];
  return references.filter((reference) => !ids.includes(reference));
}
