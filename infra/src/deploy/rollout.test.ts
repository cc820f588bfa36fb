import { describe, expect, test } from "vitest";

import { Kubectl } from "../kubernetes/kubectl.ts";
import { type Answer, FakeNode } from "../node/fake-node.ts";
import { type Clock, waitForRollout } from "./rollout.ts";
import { podTroubles } from "./trouble.ts";

const signal = new AbortController().signal;

function pod(state: object, more: object = {}, metadata: object = {}) {
  const containerStatuses = [
    {
      name: "fileserver",
      ready: false,
      restartCount: 0,
      image: "registry.example.org/wharf/fileserver:dev-1",
      state,
      ...more,
    },
  ];
  return {
    kind: "Pod",
    metadata: {
      name: "wharf-1",
      ownerReferences: [{ kind: "ReplicaSet", name: "new", uid: "2" }],
      ...metadata,
    },
    spec: { nodeName: "k8s-worker" },
    status: { phase: "Pending", containerStatuses },
  };
}

const ends = (restartCount: number, exitCode = 1, reason?: string) =>
  pod(
    { waiting: { reason: "CrashLoopBackOff" } },
    { restartCount, lastState: { terminated: { exitCode, reason } } },
  );
const unpulled = (message: string, more: object = {}) =>
  pod({ waiting: { reason: "ErrImagePull", message } }, more);

describe("a Pod that does not become ready", () => {
  const lasts = 60_000;
  const cases: readonly (readonly [name: string, pod: object, cause: RegExp, patienceMs: number])[] = [
    [
      "since its registry does not answer",
      unpulled("429 Too Many Requests"),
      /^k8s-worker lacks the image registry\.example\.org\/wharf\/fileserver:dev-1 .*429/,
      lasts,
    ],
    ["since its registry has no such image", unpulled("dev-1: not found"), /cannot pull it: dev-1/, 0],
    [
      "since it was not carried to its node",
      unpulled("no such host", { image: "wharf.internal/fileserver:dev-1" }),
      /lacks the image wharf\.internal/,
      0,
    ],
    [
      "for its configuration",
      pod({ waiting: { reason: "CreateContainerConfigError", message: 'secret "x" not found' } }),
      /secret "x" not found/,
      lasts,
    ],
    ["since it ends again and again", ends(2), /^It ends with status 1/, lasts],
    ["for want of memory", ends(3, 137, "OOMKilled"), /more memory than its limit/, lasts],
  ];
  test.for(cases)("%s", ([, found, cause, patienceMs]) => {
    const [trouble, ...more] = podTroubles([found as ReturnType<typeof pod>]);
    expect(more).toEqual([]);
    expect(trouble?.cause).toMatch(cause);
    expect(trouble?.patienceMs).toBe(patienceMs);
  });

  test("for want of a node", () => {
    const conditions = [
      { type: "PodScheduled", status: "False", message: "0/2 nodes are available: 2 Insufficient cpu." },
    ] as const;
    const [trouble] = podTroubles([{ metadata: { name: "wharf-1" }, spec: {}, status: { conditions } }]);
    expect(trouble?.cause).toBe("No node takes it: 0/2 nodes are available: 2 Insufficient cpu.");
  });

  test("and merely starts is waited for", () => {
    const found = podTroubles([
      pod({ waiting: { reason: "ContainerCreating" } }),
      pod({ waiting: { reason: "PodInitializing" } }),
      pod({ running: {} }),
    ]);
    expect(found.map(({ cause, patienceMs }) => `${patienceMs} ${cause}`)).toEqual([
      "Infinity It is not started yet: its volumes, network or image are not there.",
      "Infinity It runs and is not ready: its readiness probe fails.",
    ]);
  });

  test("when all are ready is none", () => {
    expect(podTroubles([pod({ running: {} }, { ready: true })])).toEqual([]);
  });
});

const deployment = {
  kind: "Deployment",
  metadata: { name: "wharf", namespace: "wharf", uid: "1" },
  spec: { replicas: 3 },
  status: {},
};
const replicaSet = (name: string, uid: string, revision: string) => ({
  kind: "ReplicaSet",
  metadata: {
    name,
    uid,
    annotations: { "deployment.kubernetes.io/revision": revision },
    ownerReferences: [{ kind: "Deployment", name: "wharf", uid: "1" }],
  },
});
const its = [deployment, replicaSet("new", "2", "10"), replicaSet("old", "3", "9")];
const postgres = (readyReplicas: number) => ({
  kind: "StatefulSet",
  metadata: { name: "wharf-postgres", namespace: "wharf", uid: "4" },
  spec: { replicas: 1 },
  status: { readyReplicas },
});
const waiting = {
  status: 1,
  stdout: "0 of 3 are available",
  stderr: "error: timed out waiting for the condition",
};
const away = {
  status: 1,
  stderr:
    "The connection to the server 192.0.2.11:6443 was refused - did you specify the right host or port?",
};

/** A namespace that has these objects, turn by turn. */
function namespaceOf(...turns: readonly (readonly object[] | Answer)[]) {
  const answers = turns.map((turn) =>
    Array.isArray(turn) ? JSON.stringify({ items: turn }) : (turn as Answer),
  );
  return new FakeNode()
    .on(/rollout status|kubectl wait/, waiting)
    .on("kubectl get", answers)
    .on("kubectl logs", "fileserver: The configuration is wrong\n");
}

/** Waits without waiting. Resolves to how it ended, after how many seconds, and what was told. */
async function wait(node: FakeNode, workload = "deployment/wharf") {
  let now = 0;
  const clock: Clock = { now: () => now, pause: async (ms) => void (now += ms) };
  const told: string[] = [];
  const rollout = {
    kubectl: new Kubectl(node),
    namespace: "wharf",
    workload,
    timeoutMs: 300_000,
    signal,
    clock,
  };
  const ended = await waitForRollout(rollout, (text) => told.push(text)).then(
    () => ({ message: "ready", hint: undefined }),
    ({ message, hint }: { message: string; hint: string }) => ({ message, hint }),
  );
  return { ...ended, seconds: now / 1000, told };
}

const HOPELESS = "deployment/wharf does not become ready";
const LATE = "deployment/wharf is not ready after 300 s";

describe("the wait", () => {
  test("ends with the cause, the events and the last lines, when containers have ended for a minute", async () => {
    const event = {
      kind: "Event",
      type: "Warning",
      reason: "BackOff",
      message: "Back-off restarting",
      involvedObject: { kind: "Pod", name: "wharf-1" },
    };
    expect(await wait(namespaceOf([...its, ends(1), event], [...its, ends(2), event]))).toEqual({
      message: HOPELESS,
      seconds: 60,
      told: ["0 of 3 are available"],
      hint: `Pod wharf-1, fileserver: CrashLoopBackOff. It ends with status 1: its last lines say why.
  event BackOff: Back-off restarting
  log   fileserver: The configuration is wrong`,
    });
  });

  test("ends at once for an image that is nowhere, and not for one that its registry has in a moment", async () => {
    expect(await wait(namespaceOf([...its, unpulled("x: not found")]))).toMatchObject({
      message: HOPELESS,
      seconds: 0,
    });
    const blip = namespaceOf(
      [...its, unpulled("429")],
      [...its, pod({ waiting: { reason: "ContainerCreating" } })],
    );
    blip.on("rollout status", [waiting, waiting, "rolled out"]);
    expect(await wait(blip)).toMatchObject({ message: "ready" });
  });

  test("gives what ended for want of Postgres another start when that is there", async () => {
    const lacking = Array.from({ length: 50 }, () => [...its, postgres(0), ends(4)]);
    const late = await wait(namespaceOf(...lacking, [...its, postgres(1), ends(4)]));
    expect(late).toMatchObject({ message: LATE });
    const wrong = await wait(
      namespaceOf(...lacking, [...its, postgres(1), ends(4)], [...its, postgres(1), ends(5)]),
    );
    expect(wrong).toMatchObject({ message: HOPELESS, seconds: 158 });
  });

  test("is not ended by another's Pods, nor by those of an earlier version", async () => {
    const others = [
      { ...ends(9), metadata: { name: "theirs" } },
      {
        ...ends(9),
        metadata: { name: "old-1", ownerReferences: [{ kind: "ReplicaSet", name: "old", uid: "3" }] },
      },
    ];
    expect(await wait(namespaceOf([...its, ...others]))).toMatchObject({
      message: LATE,
      hint: "pnpm cluster status and pnpm cluster logs tell more.",
    });
  });

  test("for a bare Pod looks at that", async () => {
    const bare = (restarts: number) => ({ ...ends(restarts), metadata: { name: "testpod" } });
    const node = namespaceOf([bare(1), ends(1)], [bare(2), ends(2)]);
    expect(await wait(node, "pod/testpod")).toMatchObject({
      message: "pod/testpod does not become ready",
      hint: expect.stringMatching(/^Pod testpod, fileserver: CrashLoopBackOff/),
    });
    expect(node.ran[0]?.script).toContain("kubectl wait --for=condition=Ready pod/testpod");
  });

  test("says why there are no Pods at all", async () => {
    const message = 'pods "wharf-1" is forbidden: violates PodSecurity "baseline:latest": hostPath volumes';
    const conditions = [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }];
    expect(await wait(namespaceOf([{ ...deployment, status: { conditions } }]))).toMatchObject({
      message: HOPELESS,
      seconds: 60,
      hint: `Deployment wharf: FailedCreate. Its Pods are refused: ${message}. kubectl label --overwrite namespace wharf pod-security.kubernetes.io/enforce=privileged would let them in.`,
    });
    const event = {
      kind: "Event",
      type: "Warning",
      reason: "FailedCreate",
      message: "exceeded quota: small",
      involvedObject: { kind: "StatefulSet", name: "wharf-postgres" },
    };
    expect(await wait(namespaceOf([postgres(0), event]), "statefulset/wharf-postgres")).toMatchObject({
      message: "statefulset/wharf-postgres does not become ready",
      hint: expect.stringContaining("exceeded quota: small"),
    });
  });

  test("does not end because the API server is away for a moment, and keeps what it knew", async () => {
    const node = namespaceOf([], away).on("rollout status", [waiting, waiting, away, "rolled out"]);
    expect(await wait(node)).toEqual({
      message: "ready",
      hint: undefined,
      seconds: 6,
      told: ["0 of 3 are available", "the API server does not answer"],
    });
    const gone = namespaceOf([...its, pod({ running: {} })], away).on("kubectl logs", away);
    expect(await wait(gone)).toMatchObject({
      message: LATE,
      hint: "Pod wharf-1, fileserver: Pending. It runs and is not ready: its readiness probe fails.",
    });
  });
});
