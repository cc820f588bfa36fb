import { expect, it } from "vitest";

import { OVERLAYS } from "./combinations.ts";
import { describeManifests } from "./kustomize.ts";
import { environmentOf, podOf, wharfPod, type Container, type PodSpec } from "./manifest.ts";

const PORTS = {
  fileserver: { fileserver: 8080, "fileserver-mgmt": 9080 },
  downloader: { downloader: 3000, "downloader-mgmt": 9030 },
};

/** How long the process takes to end after the last request (packages/service/src/run.ts), with some to spare. */
const LETTING_GO_S = 3;

describeManifests("the Pod with both services", (manifests) => {
  it.each(OVERLAYS)("of %s has both, with their ports by name", async (overlay) => {
    const { containers } = wharfPod(await manifests().render({ overlay }));
    const ports = Object.fromEntries(
      containers.map(({ name, ports: list = [] }) => [
        name,
        Object.fromEntries(list.map((port) => [port.name, port.containerPort])),
      ]),
    );
    expect(ports).toEqual(PORTS);
  });

  it.each(OVERLAYS)(
    "of %s takes the images its overlay names, from the node where it has them",
    async (overlay) => {
      const images = [
        { name: "wharf/fileserver", newName: "registry.example/wharf/fileserver", newTag: "1.2.3" },
        { name: "wharf/downloader", newTag: "4.5.6" },
      ];
      const { containers } = wharfPod(await manifests().render({ overlay }));
      expect(containers.map(({ image }) => image)).toEqual(["wharf/fileserver:dev", "wharf/downloader:dev"]);
      expect(containers.map(({ imagePullPolicy }) => imagePullPolicy)).toEqual([
        "IfNotPresent",
        "IfNotPresent",
      ]);

      const changed = wharfPod(await manifests().render({ overlay, fields: { images } }));
      expect(
        containersOf(changed)
          .map(({ image }) => image)
          .slice(-2),
      ).toEqual(["registry.example/wharf/fileserver:1.2.3", "wharf/downloader:4.5.6"]);
      for (const { name, image } of changed.initContainers ?? []) {
        expect([name, image]).toEqual(["volume-owner", "registry.example/wharf/fileserver:1.2.3"]);
      }
    },
  );

  it("is the same in every overlay, but for where its files and the downloads are", async () => {
    const pods = await Promise.all(
      OVERLAYS.map(async (overlay) => common(wharfPod(await manifests().render({ overlay })))),
    );
    for (const pod of pods) expect(pod).toEqual(pods[0]);
  });

  it.each(OVERLAYS)(
    "of %s has one volume, where both look for it, and a /tmp that is small",
    async (overlay) => {
      const objects = await manifests().render({ overlay });
      const { containers, volumes = [] } = wharfPod(objects);
      expect(containers.map(({ volumeMounts }) => volumeMounts)).toEqual([
        [
          { name: "files", mountPath: "/usr/share/files" },
          { name: "tmp", mountPath: "/tmp" },
        ],
        [
          { name: "files", mountPath: "/data" },
          { name: "tmp", mountPath: "/tmp" },
        ],
      ]);
      expect(containers.map((each) => environmentOf(objects, each)["VOLUME_DIR"])).toEqual([
        "/usr/share/files",
        "/data",
      ]);
      expect(volumes.find(({ name }) => name === "tmp")).toEqual({
        name: "tmp",
        emptyDir: { sizeLimit: "64Mi" },
      });
    },
  );

  it.each(OVERLAYS)("of %s asks for what the autoscaler reckons with, and has limits", async (overlay) => {
    const { containers } = wharfPod(await manifests().render({ overlay }));
    for (const { resources } of containers) {
      expect(resources).toEqual({
        requests: { cpu: "200m", memory: "128Mi" },
        limits: { cpu: "500m", memory: "512Mi" },
      });
    }
  });

  it.each(OVERLAYS)("of %s is no root, and can do nothing that it does not need", async (overlay) => {
    const pod = wharfPod(await manifests().render({ overlay }));
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        runAsGroup: 65_532,
        fsGroup: 65_532,
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
    });
    for (const { securityContext } of pod.containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    }
  });

  it.each(OVERLAYS)(
    "of %s is judged by its management ports; only readiness asks for more than an answer",
    async (overlay) => {
      const { containers } = wharfPod(await manifests().render({ overlay }));
      for (const { name, startupProbe, readinessProbe, livenessProbe } of containers) {
        const port = `${name}-mgmt`;
        expect(startupProbe?.httpGet).toEqual({ path: "/livez", port });
        expect(readinessProbe?.httpGet).toEqual({ path: "/readyz", port });
        expect(livenessProbe?.httpGet).toEqual({ path: "/livez", port });
        // A check is given 3 s before it counts as failed.
        expect(readinessProbe?.timeoutSeconds).toBeGreaterThan(3);
        // The downloader waits 30 s for its database before it gives up.
        expect((startupProbe?.periodSeconds ?? 0) * (startupProbe?.failureThreshold ?? 0)).toBeGreaterThan(
          30,
        );
        // A minute without an answer.
        expect(
          (livenessProbe?.periodSeconds ?? 0) * (livenessProbe?.failureThreshold ?? 0),
        ).toBeGreaterThanOrEqual(60);
      }
    },
  );

  it.each(OVERLAYS)(
    "of %s serves on until no node sends it anybody, and is given the time to finish",
    async (overlay) => {
      const objects = await manifests().render({ overlay });
      const { containers, terminationGracePeriodSeconds = 0 } = wharfPod(objects);
      for (const container of containers) {
        const { SHUTDOWN_DELAY_MS, SHUTDOWN_GRACE_MS } = environmentOf(objects, container);
        expect(Number(SHUTDOWN_DELAY_MS)).toBeGreaterThanOrEqual(5000);
        // The delay is the service's own: a preStop would come on top of it.
        expect(container.lifecycle).toBeUndefined();
        const needed = (Number(SHUTDOWN_DELAY_MS) + Number(SHUTDOWN_GRACE_MS)) / 1000 + LETTING_GO_S;
        expect(terminationGracePeriodSeconds).toBeGreaterThan(needed);
      }
    },
  );

  it("is given a directory of its own by one container that may do that and no more", async () => {
    for (const overlay of ["pod", "hostpath"] as const) {
      const { initContainers = [] } = wharfPod(await manifests().render({ overlay }));
      expect(initContainers).toMatchObject([
        {
          name: "volume-owner",
          securityContext: {
            runAsUser: 0,
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"], add: ["CHOWN"] },
          },
        },
      ]);
    }
    for (const overlay of ["shared", "per-pod"] as const) {
      expect(wharfPod(await manifests().render({ overlay })).initContainers).toBeUndefined();
    }
  });

  it("has no container anywhere that is less restricted, but for that one", async () => {
    for (const overlay of OVERLAYS) {
      const objects = await manifests().render({ overlay, components: ["load"] });
      for (const pod of objects.map(podOf)) {
        if (pod === undefined) continue;
        expect(pod).toMatchObject({
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
        });
        expect(pod.automountServiceAccountToken).toBe(false);
        for (const { securityContext, resources } of pod.containers) {
          expect(securityContext).toMatchObject({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          });
          expect(Object.keys({ ...resources?.requests })).toEqual(["cpu", "memory"]);
          expect(Object.keys({ ...resources?.limits })).toEqual(["cpu", "memory"]);
        }
      }
    }
  });
});

function containersOf({ initContainers = [], containers }: PodSpec): Container[] {
  return [...initContainers, ...containers];
}

/** A Pod without what is for an overlay to say. */
function common(pod: PodSpec): object {
  const { containers, volumes, ...rest } = structuredClone(pod) as Writable<PodSpec>;
  delete rest.initContainers;
  delete rest.affinity;
  delete rest.serviceAccountName;
  for (const container of containers as Writable<Container>[]) {
    container.env =
      container.env?.filter(({ name }) => !/^(POSTGRES_PASSWORD|DATABASE_URL)$/.test(name)) ?? [];
    container.envFrom = []; // its name has a hash, or none
  }
  return { ...rest, containers, volumes: volumes?.filter(({ name }) => name !== "files") };
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
