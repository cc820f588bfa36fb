import { BlockList, isIPv6 } from "node:net";

import { expect, it } from "vitest";

import { describeManifests, Manifests } from "./kustomize.ts";
import { environmentOf, find, podOf, wharfPod } from "./manifest.ts";

describeManifests("components", (manifests) => {
  it("autoscaling keeps 3 to 6 replicas, at 40 % of what they request, and lets go of 10 % a minute", async () => {
    for (const overlay of ["hostpath", "shared"]) {
      const objects = await manifests().render({ overlay, components: ["autoscaling"] });
      expect(find(objects, "HorizontalPodAutoscaler")).toMatchObject({
        apiVersion: "autoscaling/v2",
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "wharf" },
          minReplicas: 3,
          maxReplicas: 6,
          metrics: [
            {
              type: "Resource",
              resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 40 } },
            },
          ],
          behavior: { scaleDown: { policies: [{ type: "Percent", value: 10, periodSeconds: 60 }] } },
        },
      });
      expect(find(objects, "Deployment").spec).not.toHaveProperty("replicas");
    }
  });

  it("load is 80 clients of the fileserver that are none of its replicas, and end when told to", async () => {
    const objects = await manifests().render({ overlay: "hostpath", components: ["load"] });
    const load = find(objects, "Deployment", "wharf-load");
    expect(load.spec).toMatchObject({
      replicas: 80,
      template: { metadata: { labels: { "app.kubernetes.io/name": "wharf-load" } } },
    });
    const [container] = podOf(load)?.containers ?? [];
    expect(container?.image).toMatch(/^busybox:\d/);
    expect(container?.command?.at(-1)).toMatch(
      /^trap exit TERM\nwhile sleep 0\.01; do\n {2}wget .*:8080\/files\//,
    );
  });

  it("disruption lets one replica go at a time, ready or not, and spreads them", async () => {
    for (const overlay of ["shared", "per-pod"]) {
      const objects = await manifests().render({ overlay, components: ["disruption"] });
      expect(find(objects, "PodDisruptionBudget").spec).toEqual({
        maxUnavailable: 1,
        selector: { matchLabels: { "app.kubernetes.io/name": "wharf" } },
        unhealthyPodEvictionPolicy: "AlwaysAllow",
      });
      expect(wharfPod(objects).topologySpreadConstraints).toMatchObject([
        { topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
        { topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
      ]);
    }
  });

  it("ingress passes on files of any size, as they come, to those with a password", async () => {
    const objects = await manifests().render({ overlay: "shared", components: ["ingress"] });
    const { metadata, spec } = find(objects, "Ingress");
    const settings = Object.entries(metadata.annotations ?? {}).map(
      ([name, value]) => [name.replace("nginx.ingress.kubernetes.io/", ""), value] as const,
    );
    expect(Object.fromEntries(settings)).toEqual({
      "auth-type": "basic",
      "auth-secret": "wharf-users",
      "auth-realm": "Wharf",
      "force-ssl-redirect": "true",
      "proxy-body-size": "0",
      "proxy-request-buffering": "off",
      "proxy-buffering": "off",
      "proxy-read-timeout": "300",
      "proxy-send-timeout": "300",
    });
    expect(find(objects, "Secret", "wharf-users").data).toHaveProperty("auth");
    expect(spec).toMatchObject({ ingressClassName: "nginx", tls: [{ secretName: "wharf-tls" }] });
    const [{ http }] = (spec as { rules: [{ http: { paths: { path: string }[] } }] }).rules;
    expect(http.paths.map(({ path }) => path)).toEqual(["/files", "/downloads", "/stats", "/"]);
  });

  it("ingress and postgres cannot be rendered without their secrets", async () => {
    await using own = await Manifests.copy();
    await own.remove("components/ingress/users.htpasswd");
    await own.remove("components/postgres/postgres.env");
    await expect(own.render({ overlay: "hostpath", components: ["ingress"] })).rejects.toThrow(
      "users.htpasswd",
    );
    await expect(own.render({ overlay: "shared" })).rejects.toThrow("postgres.env");
  });

  it("postgres has the password that the downloader is given, and files that outlive it", async () => {
    const objects = await manifests().render({ overlay: "shared" });
    const server = find(objects, "StatefulSet", "wharf-postgres");
    expect(server.spec).toMatchObject({
      replicas: 1,
      serviceName: "wharf-postgres",
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } }],
    });
    const pod = podOf(server);
    expect(pod?.securityContext).toMatchObject({ runAsUser: 999, runAsGroup: 999, fsGroup: 999 });
    const [container] = pod?.containers ?? [];
    expect(container && environmentOf(objects, container)).toEqual({
      POSTGRES_USER: "wharf",
      POSTGRES_DB: "wharf",
      POSTGRES_PASSWORD: "0123456789abcdef",
      PGDATA: "/var/lib/postgresql/data/pgdata",
    });
    // kubelet puts a variable together from those that stand before it.
    const names = wharfPod(objects).containers[1]?.env?.map(({ name }) => name) ?? [];
    expect(names.indexOf("POSTGRES_PASSWORD")).toBeLessThan(names.indexOf("DATABASE_URL"));
    expect(names).toContain("DATABASE_URL");
  });
});

describeManifests("the network policy", (manifests) => {
  interface Peer {
    readonly ipBlock?: { readonly cidr: string; readonly except: readonly string[] };
  }
  interface Policy {
    readonly policyTypes: readonly string[];
    readonly ingress: readonly { from: readonly object[]; ports: readonly { port: number | string }[] }[];
    readonly egress: readonly {
      to: readonly Peer[];
      ports: readonly { port: number; protocol?: string }[];
    }[];
  }
  const policy = async (name = "wharf"): Promise<Policy> =>
    find(
      await manifests().render({ overlay: "shared", components: ["network-policy"] }),
      "NetworkPolicy",
      name,
    ).spec as Policy;

  /** Whether the Pod may connect to an address of the world. */
  const lets = ({ egress }: Policy, address: string, port: number): boolean => {
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    const contains = (cidr: string): boolean => {
      const [base = "", prefix] = cidr.split("/");
      const list = new BlockList();
      list.addSubnet(base, Number(prefix), isIPv6(base) ? "ipv6" : "ipv4");
      return list.check(address, family);
    };
    return egress.some(
      ({ to, ports }) =>
        ports.some((each) => each.port === port) &&
        to.some(({ ipBlock }) => ipBlock && contains(ipBlock.cidr) && !ipBlock.except.some(contains)),
    );
  };

  it.each([
    "10.96.0.1",
    "10.244.1.7",
    "127.0.0.1",
    "169.254.169.254",
    "172.23.193.146",
    "192.168.1.1",
    "100.100.100.200",
    "168.63.129.16",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "fd00:ec2::254",
    "fe80::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::1",
    "2001:db8::1",
  ])("keeps the downloader from %s", async (address) => {
    const spec = await policy();
    expect([80, 443, 8080, 8443].map((port) => lets(spec, address, port))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it.each(["1.1.1.1", "93.184.215.14", "172.15.255.255", "172.32.0.1", "2606:4700::1111"])(
    "lets it out to %s, at the ports that the guard lets through",
    async (address) => {
      const spec = await policy();
      expect([80, 443, 8080, 8443].map((port) => lets(spec, address, port))).toEqual([
        true,
        true,
        true,
        true,
      ]);
      expect([22, 25, 5432, 6443, 10_250].map((port) => lets(spec, address, port))).toEqual(
        Array(5).fill(false),
      );
    },
  );

  it("lets it ask for names, and Postgres, and nobody else of the cluster", async () => {
    const { egress } = await policy();
    const inside = egress.filter(({ to }) => to.every(({ ipBlock }) => ipBlock === undefined));
    expect(inside.map(({ ports }) => ports.map(({ port }) => port))).toEqual([[53, 53], [5432]]);
    expect(inside[1]?.to).toEqual([
      { podSelector: { matchLabels: { "app.kubernetes.io/name": "wharf-postgres" } } },
    ]);
  });

  it("lets every Pod in to the services, and Prometheus alone to the management ports", async () => {
    const { ingress, policyTypes } = await policy();
    expect(policyTypes).toEqual(["Ingress", "Egress"]);
    expect(ingress).toEqual([
      { from: [{ namespaceSelector: {} }], ports: [{ port: "fileserver" }, { port: "downloader" }] },
      {
        from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
        ports: [{ port: "fileserver-mgmt" }, { port: "downloader-mgmt" }],
      },
    ]);
  });

  it("lets nobody but Wharf in to Postgres, and Postgres out to nobody", async () => {
    expect(await policy("wharf-postgres")).toMatchObject({
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "wharf" } } }],
          ports: [{ port: "postgres" }],
        },
      ],
      egress: [],
    });
  });
});
