import { describe, expect, test } from "vitest";

import { Kubectl } from "../kubernetes/kubectl.ts";
import { FakeNode } from "../node/fake-node.ts";
import { waitForRollout } from "./rollout.ts";
import { findTroubles } from "./trouble.ts";

const signal = new AbortController().signal;

function pod(state: object, more: object = {}) {
  const containerStatuses = [
    { name: "fileserver", ready: false, restartCount: 0, image: "wharf/fileserver:dev-1", state, ...more },
  ];
  return {
    metadata: { name: "wharf-1" },
    spec: { nodeName: "k8s-worker" },
    status: { phase: "Pending", containerStatuses },
  };
}

describe("a Pod that does not become ready", () => {
  const cases: readonly (readonly [
    name: string,
    pod: ReturnType<typeof pod>,
    cause: RegExp,
    isHopeless: boolean,
  ])[] = [
    [
      "for want of its image",
      pod({ waiting: { reason: "ImagePullBackOff", message: "not found" } }),
      /^k8s-worker lacks the image wharf\/fileserver:dev-1/,
      true,
    ],
    [
      "for its configuration",
      pod({ waiting: { reason: "CreateContainerConfigError", message: 'secret "x" not found' } }),
      /secret "x" not found/,
      true,
    ],
    [
      "since it ends again and again",
      pod(
        { waiting: { reason: "CrashLoopBackOff" } },
        { restartCount: 2, lastState: { terminated: { exitCode: 1 } } },
      ),
      /^It ends with status 1/,
      true,
    ],
    [
      "after its first end",
      pod(
        { waiting: { reason: "CrashLoopBackOff" } },
        { restartCount: 1, lastState: { terminated: { exitCode: 1 } } },
      ),
      /^It ends with status 1/,
      false,
    ],
    [
      "for want of memory",
      pod(
        { waiting: { reason: "CrashLoopBackOff" } },
        { restartCount: 3, lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } } },
      ),
      /more memory than its limit/,
      true,
    ],
  ];
  test.for(cases)("%s", ([, found, cause, isHopeless]) => {
    const [trouble, ...more] = findTroubles([found]);
    expect(more).toEqual([]);
    expect(trouble?.cause).toMatch(cause);
    expect(trouble?.isHopeless).toBe(isHopeless);
  });

  test("for want of a node", () => {
    const conditions = [
      { type: "PodScheduled", status: "False", message: "0/2 nodes are available: 2 Insufficient cpu." },
    ] as const;
    const [trouble] = findTroubles([{ metadata: { name: "wharf-1" }, spec: {}, status: { conditions } }]);
    expect(trouble?.cause).toBe("No node takes it: 0/2 nodes are available: 2 Insufficient cpu.");
  });

  test("and merely starts is waited for", () => {
    const found = findTroubles([
      pod({ waiting: { reason: "ContainerCreating" } }),
      pod({ waiting: { reason: "PodInitializing" } }),
      pod({ running: {} }),
    ]);
    expect(found.map(({ cause, isHopeless }) => `${isHopeless} ${cause}`)).toEqual([
      "false It is not started yet: its volumes, network or image are not there.",
      "false It runs and is not ready: its readiness probe fails.",
    ]);
  });

  test("when all are ready is none", () => {
    expect(findTroubles([pod({ running: {} }, { ready: true })])).toEqual([]);
  });

  test("ends the wait with the cause, the events and the last lines", async () => {
    const looping = pod(
      { waiting: { reason: "CrashLoopBackOff" } },
      { restartCount: 2, lastState: { terminated: { exitCode: 1 } } },
    );
    const event = {
      type: "Warning",
      reason: "BackOff",
      message: "Back-off restarting",
      involvedObject: { kind: "Pod", name: "wharf-1" },
    };
    const node = new FakeNode()
      .on("rollout status", { status: 1, stderr: "error: timed out waiting for the condition" })
      .on("get pods", JSON.stringify({ items: [looping] }))
      .on("get events", JSON.stringify({ items: [event] }))
      .on("kubectl logs", "fileserver: The configuration is wrong\n");
    const rollout = {
      kubectl: new Kubectl(node),
      namespace: "wharf",
      workloads: ["deployment/wharf"],
      timeoutMs: 60_000,
      signal,
    };
    await expect(waitForRollout(rollout, () => {})).rejects.toMatchObject({
      code: "ROLLOUT_FAILED",
      hint: `Pod wharf-1, fileserver: CrashLoopBackOff. It ends with status 1: its last lines say why.
  event BackOff: Back-off restarting
  log   fileserver: The configuration is wrong`,
    });
  });

  test("does not end the wait because the API server is away for a moment", async () => {
    const away = {
      status: 1,
      stderr:
        "The connection to the server 192.0.2.11:6443 was refused - did you specify the right host or port?",
    };
    const waiting = {
      status: 1,
      stdout: "0 of 3 are available",
      stderr: "error: timed out waiting for the condition",
    };
    const node = new FakeNode()
      .on("rollout status", [waiting, waiting, away, "rolled out"])
      .on("get pods", [JSON.stringify({ items: [] }), away]);
    const told: string[] = [];
    const rollout = {
      kubectl: new Kubectl(node),
      namespace: "wharf",
      workloads: ["deployment/wharf"],
      timeoutMs: 60_000,
      signal,
    };
    await waitForRollout(rollout, (text) => told.push(text));
    expect(told).toEqual(["0 of 3 are available", "the API server does not answer"]);
  });
});
