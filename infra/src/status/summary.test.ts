import { describe, expect, test } from "vitest";

import type { Answers } from "./gather.ts";
import { parseCertificates } from "./certificates.ts";
import { age, showSummary } from "./show.ts";
import { summarise } from "./summary.ts";

const now = Date.parse("2026-11-23T08:00:00Z");
const since = "2026-11-23T06:30:00Z";

const certificates = `[check-expiration] Reading configuration from the cluster...

CERTIFICATE                EXPIRES                  RESIDUAL TIME   CERTIFICATE AUTHORITY   EXTERNALLY MANAGED
admin.conf                 Nov 23, 2027 06:30 UTC   364d            ca                      no
apiserver                  Nov 23, 2027 06:30 UTC   364d            ca                      no

CERTIFICATE AUTHORITY   EXPIRES                  RESIDUAL TIME   EXTERNALLY MANAGED
ca                      Nov 20, 2036 06:30 UTC   9y              no
`;

function node(name: string, ready: "True" | "False", role?: string) {
  return {
    metadata: {
      name,
      creationTimestamp: since,
      labels: role === undefined ? {} : { [`node-role.kubernetes.io/${role}`]: "" },
    },
    spec: {},
    status: {
      conditions: [{ type: "Ready", status: ready }],
      capacity: { cpu: "2", memory: "4194304Ki" },
      nodeInfo: {
        kubeletVersion: "v1.37.2",
        containerRuntimeVersion: "containerd://2.3.7",
        architecture: "amd64",
      },
    },
  } as const;
}

function pod(name: string, state: object, ready = true) {
  return {
    metadata: { name, creationTimestamp: since },
    spec: { nodeName: "k8s-worker" },
    status: { phase: "Running", containerStatuses: [{ name: "fileserver", ready, restartCount: 1, state }] },
  } as const;
}

const well: Answers = {
  nodes: { items: [node("k8s-master", "True", "control-plane"), node("k8s-worker", "True")] },
  metrics: { items: [{ metadata: { name: "k8s-worker" }, usage: { cpu: "250m", memory: "1048576Ki" } }] },
  readyz: "[+]ping ok\n[+]etcd ok\nreadyz check passed\n",
  certificates,
  workloads: {
    items: [
      {
        kind: "Deployment",
        metadata: { name: "coredns", namespace: "kube-system" },
        spec: { replicas: 2 },
        status: { readyReplicas: 2 },
      },
      {
        kind: "DaemonSet",
        metadata: { name: "kube-proxy", namespace: "kube-system" },
        spec: {},
        status: { desiredNumberScheduled: 2, numberReady: 2 },
      },
      {
        kind: "Deployment",
        metadata: { name: "wharf", namespace: "wharf" },
        spec: { replicas: 1 },
        status: { readyReplicas: 1 },
      },
    ],
  },
  pods: { items: [pod("wharf-1", { running: {} })] },
  services: {
    items: [
      {
        metadata: { name: "wharf" },
        spec: { clusterIP: "10.96.1.1", ports: [{ name: "fileserver", port: 8080 }] },
      },
    ],
  },
  autoscalers: {
    items: [
      {
        metadata: { name: "wharf" },
        spec: {
          minReplicas: 3,
          maxReplicas: 6,
          metrics: [{ resource: { name: "cpu", target: { averageUtilization: 40 } } }],
        },
        status: {
          currentReplicas: 3,
          desiredReplicas: 4,
          currentMetrics: [{ resource: { name: "cpu", current: { averageUtilization: 52 } } }],
        },
      },
    ],
  },
};

const problems = (differing: Partial<Answers>) => summarise({ ...well, ...differing }, "wharf", now).problems;

test("a cluster that is well is shown on one screen", () => {
  expect(showSummary(summarise(well, "wharf", now))).toBe(
    `NODE        STATUS  ROLES          VERSION  RUNTIME           AGE  CPU            MEMORY
k8s-master  Ready   control-plane  v1.37.2  containerd 2.3.7  90m  ?/2            ?/4.0Gi
k8s-worker  Ready   -              v1.37.2  containerd 2.3.7  90m  0.25/2 (13 %)  1.0Gi/4.0Gi (25 %)

components    kube-apiserver ok, etcd ok, coredns 2/2, kube-proxy 2/2
certificates  3; the first to expire: admin.conf, 2027-11-23, in 364 days
workloads     wharf 1/1
service       wharf  10.96.1.1  fileserver:8080
autoscaler    wharf  cpu 52 % of 40 %, 3 replicas -> 4 (3 to 6)

POD      READY  STATUS   RESTARTS  AGE  NODE
wharf-1  1/1    Running  1         90m  k8s-worker

Everything is well.`,
  );
});

describe("what is not well is said", () => {
  const cases: readonly (readonly [
    name: string,
    differing: Partial<Answers>,
    problems: readonly string[],
  ])[] = [
    ["a node", { nodes: { items: [node("k8s-worker", "False")] } }, ["Node k8s-worker is NotReady."]],
    [
      "etcd",
      { readyz: "[+]ping ok\n[-]etcd failed: reason withheld\n" },
      ["kube-apiserver is not ready.", "etcd is not ready."],
    ],
    [
      "a check of the API server",
      { readyz: "[-]poststarthook/rbac failed\n[+]etcd ok\n" },
      ["kube-apiserver is not ready.", "kube-apiserver poststarthook/rbac is not ready."],
    ],
    [
      "a workload",
      {
        workloads: {
          items: [
            {
              kind: "Deployment",
              metadata: { name: "coredns", namespace: "kube-system" },
              spec: { replicas: 2 },
              status: {},
            },
          ],
        },
      },
      ["coredns: 0 of 2 are ready."],
    ],
    [
      "a Pod",
      { pods: { items: [pod("wharf-2", { waiting: { reason: "CrashLoopBackOff" } }, false)] } },
      ["Pod wharf-2 is CrashLoopBackOff, 0/1 ready."],
    ],
    [
      "a certificate",
      { certificates: "apiserver   Dec 01, 2026 06:30 UTC   7d   ca   no\n" },
      ["The certificate apiserver expires in 7 days: kubeadm certs renew all on the control plane."],
    ],
    [
      "nothing deployed",
      { pods: { items: [] } },
      ["Nothing is deployed in the namespace wharf: pnpm cluster deploy."],
    ],
  ];
  test.for(cases)("%s", ([, differing, expected]) => {
    expect(problems(differing)).toEqual(expected);
  });

  test("but not a Pod that is on its way out", () => {
    const leaving = pod("wharf-2", { running: {} }, false);
    expect(
      problems({
        pods: { items: [{ ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: since } }] },
      }),
    ).toEqual([]);
  });
});

test("certificates are read from kubeadm's table, whatever else it prints", () => {
  expect(parseCertificates(certificates, now).map(({ name, days }) => `${name} ${days}`)).toEqual([
    "admin.conf 364",
    "apiserver 364",
    "ca 3649",
  ]);
});

test.for([
  [45, "45s"],
  [600, "10m"],
  [9_000, "2h30m"],
  [180_000, "2d2h"],
  [864_000, "10d"],
] as const)("%i seconds are %s", ([seconds, text]) => {
  expect(age(seconds)).toBe(text);
});
