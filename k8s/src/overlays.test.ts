import { expect, it } from "vitest";

import { OVERLAYS, WHOLE } from "./combinations.ts";
import { describeManifests } from "./kustomize.ts";
import { environmentOf, find, wharfPod } from "./manifest.ts";

const PORTS = [
  { name: "fileserver", port: 8080, targetPort: "fileserver", appProtocol: "http" },
  { name: "downloader", port: 3000, targetPort: "downloader", appProtocol: "http" },
];

describeManifests("overlays", (manifests) => {
  it.each(OVERLAYS)("%s has a Service with both ports by name", async (overlay) => {
    const { spec } = find(await manifests().render({ overlay }), "Service");
    expect(spec).toMatchObject({ selector: { "app.kubernetes.io/name": "wharf" }, ports: PORTS });
  });

  it.each(WHOLE)(
    "%s exposes nothing beyond the cluster while nobody is asked who they are",
    async (_name, composition) => {
      const objects = await manifests().render(composition);
      for (const container of wharfPod(objects).containers) {
        expect(environmentOf(objects, container)["AUTH"]).toBe("none");
        expect(container.ports?.filter((port) => "hostPort" in port)).toEqual([]);
      }
      expect(wharfPod(objects)).not.toHaveProperty("hostNetwork");
      for (const { spec } of objects.filter(({ kind }) => kind === "Service"))
        expect(spec).toMatchObject({ type: "ClusterIP" });
      for (const { metadata } of objects.filter(({ kind }) => kind === "Ingress")) {
        expect(metadata.annotations).toMatchObject({ "nginx.ingress.kubernetes.io/auth-type": "basic" });
      }
    },
  );

  it.each(OVERLAYS)("%s has an identity without a token, or none of its own", async (overlay) => {
    const objects = await manifests().render({ overlay });
    const { serviceAccountName } = wharfPod(objects);
    const accounts = objects.filter(({ kind }) => kind === "ServiceAccount");
    expect(serviceAccountName).toBe(overlay === "pod" ? undefined : "wharf");
    expect(accounts.map(({ metadata }) => metadata.name)).toEqual(overlay === "pod" ? [] : ["wharf"]);
    for (const account of accounts) expect(account).toMatchObject({ automountServiceAccountToken: false });
  });

  it("pod is the record's bare Pod over /home/data", async () => {
    const objects = await manifests().render({ overlay: "pod" });
    expect(objects.map(({ kind }) => kind)).not.toContain("Deployment");
    expect(find(objects, "Pod", "testpod").metadata.labels).toEqual({ "app.kubernetes.io/name": "wharf" });
    expect(filesOf(wharfPod(objects))).toEqual({
      name: "files",
      hostPath: { path: "/home/data", type: "DirectoryOrCreate" },
    });
  });

  it("hostpath is three replicas over /home/data2, on one node", async () => {
    const objects = await manifests().render({ overlay: "hostpath" });
    expect(find(objects, "Deployment").spec).toMatchObject({
      replicas: 3,
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
    });
    const pod = wharfPod(objects);
    expect(filesOf(pod)).toEqual({
      name: "files",
      hostPath: { path: "/home/data2", type: "DirectoryOrCreate" },
    });
    expect(pod.affinity).toEqual({
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: "kubernetes.io/hostname",
            labelSelector: { matchLabels: { "app.kubernetes.io/name": "wharf" } },
          },
        ],
      },
    });
    expect(databaseOf(objects)).toBeUndefined();
  });

  it("shared is one claim for many nodes, and Postgres for the downloads", async () => {
    const objects = await manifests().render({ overlay: "shared" });
    expect(filesOf(wharfPod(objects))).toEqual({
      name: "files",
      persistentVolumeClaim: { claimName: "wharf-files" },
    });
    const claim = find(objects, "PersistentVolumeClaim", "wharf-files");
    expect(claim.spec).toMatchObject({ accessModes: ["ReadWriteMany"] });
    expect(claim.spec).not.toHaveProperty("storageClassName");
    expect(databaseOf(objects)).toBe("postgres://wharf:0123456789abcdef@wharf-postgres:5432/wharf");
  });

  it("shared takes another storage class by patch", async () => {
    const patch = [{ op: "add", path: "/spec/storageClassName", value: "cephfs" }];
    const target = { kind: "PersistentVolumeClaim", name: "wharf-files" };
    const patches = [{ target, patch: JSON.stringify(patch) }];
    const objects = await manifests().render({ overlay: "shared", fields: { patches } });
    expect(find(objects, "PersistentVolumeClaim", "wharf-files").spec).toMatchObject({
      storageClassName: "cephfs",
    });
  });

  it("per-pod is a claim for each replica, and a name for each", async () => {
    const objects = await manifests().render({ overlay: "per-pod" });
    expect(objects.map(({ kind }) => kind)).not.toContain("Deployment");
    const { spec } = find(objects, "StatefulSet");
    expect(spec).toMatchObject({
      replicas: 3,
      serviceName: "wharf-pods",
      podManagementPolicy: "Parallel",
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      volumeClaimTemplates: [{ metadata: { name: "files" }, spec: { accessModes: ["ReadWriteOnce"] } }],
    });
    expect(spec).not.toHaveProperty("strategy");
    expect(filesOf(wharfPod(objects))).toBeUndefined();
    expect(find(objects, "Service", "wharf-pods").spec).toMatchObject({ clusterIP: "None", ports: PORTS });
    expect(find(objects, "Service").spec).toMatchObject({ sessionAffinity: "ClientIP" });
    expect(databaseOf(objects)).toBeUndefined();
  });

  it("roll out when a setting changes, but for the bare Pod, which cannot", async () => {
    for (const overlay of OVERLAYS) {
      const configMapGenerator = [{ name: "wharf", behavior: "merge", literals: ["LOG_LEVEL=debug"] }];
      const before = wharfPod(await manifests().render({ overlay }));
      const objects = await manifests().render({ overlay, fields: { configMapGenerator } });
      const after = wharfPod(objects);
      expect(after.containers.map((each) => environmentOf(objects, each)["LOG_LEVEL"])).toEqual([
        "debug",
        "debug",
      ]);
      expect(
        before.containers[0]?.envFrom?.[0]?.configMapRef.name ===
          after.containers[0]?.envFrom?.[0]?.configMapRef.name,
      ).toBe(overlay === "pod");
    }
  });
});

function filesOf({ volumes = [] }: ReturnType<typeof wharfPod>): object | undefined {
  return volumes.find(({ name }) => name === "files");
}

function databaseOf(objects: Parameters<typeof wharfPod>[0]): string | undefined {
  const [, downloader] = wharfPod(objects).containers;
  return downloader && environmentOf(objects, downloader)["DATABASE_URL"];
}
