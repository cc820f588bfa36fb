import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { Kubectl } from "../kubernetes/kubectl.ts";
import { FakeNode } from "../node/fake-node.ts";
import { apply, differingObjects } from "./apply.ts";
import { parseRendered, podSecurityLevel, workloads } from "./objects.ts";

const signal = new AbortController().signal;

const rendered = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: wharf, namespace: wharf}
spec: {template: {spec: {volumes: [{name: files, hostPath: {path: /home/data2}}]}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: wharf, namespace: wharf}
`;

describe("rendered objects", () => {
  test("are waited for where they run something", () => {
    expect(workloads(parseRendered(rendered))).toEqual(["deployment/wharf"]);
  });

  const cases: readonly (readonly [name: string, pod: string, level: string])[] = [
    ["a directory of the node", "volumes: [{name: files, hostPath: {path: /data}}]", "privileged"],
    ["an init step as root", "initContainers: [{name: owner, securityContext: {runAsUser: 0}}]", "baseline"],
    ["neither", "volumes: [{name: tmp, emptyDir: {}}]", "restricted"],
  ];
  test.for(cases)("with %s need a namespace that is %s", ([, its, level]) => {
    const yaml = `kind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {${its}}}}\n---\nkind: Pod\nmetadata: {name: b}\nspec: {${its}}`;
    expect(podSecurityLevel(parseRendered(yaml))).toBe(level);
  });
});

describe("applying", () => {
  const application = (node: FakeNode, isDryRun = false) =>
    apply({
      controlPlane: node,
      kubectl: new Kubectl(node),
      namespace: "wharf",
      yaml: rendered,
      isDryRun,
      signal,
    });
  const diff =
    "diff -u -N /tmp/LIVE-1/apps.v1.Deployment.wharf.wharf /tmp/MERGED-2/apps.v1.Deployment.wharf.wharf\n+  image: x\n";
  const there = () =>
    new FakeNode()
      .on("get namespace", "namespace/wharf\n")
      .on("kubectl diff", diff)
      .on("get deployments ", JSON.stringify({ items: [{ spec: { replicas: 5 } }] }))
      .on(
        "get deployments.apps",
        JSON.stringify({ items: [{ kind: "Deployment", metadata: { name: "wharf" } }] }),
      )
      .on("kubectl apply", "");

  test("changes what differs, and hands the number of replicas over to the autoscaler first", async () => {
    const node = there();
    expect(await application(node)).toEqual(["Deployment wharf applied"]);
    const applied = node.ran.filter(({ script }) => script.includes("kubectl apply"));
    expect(applied).toHaveLength(2);
    expect(parse(applied[0]?.fed ?? "")).toMatchObject({ kind: "Deployment", spec: { replicas: 5 } });
    expect(applied[1]?.fed).toContain("pod-security.kubernetes.io/enforce: privileged");
  });

  test("leaves alone what is as it should be", async () => {
    const node = there().on("kubectl diff", "");
    expect(await application(node)).toEqual([]);
    expect(node.ran.some(({ script }) => script.includes("kubectl apply"))).toBe(false);
  });

  test("removes what an earlier deploy made and this one lacks", async () => {
    const items = [
      { kind: "Deployment", metadata: { name: "wharf" } },
      { kind: "StatefulSet", metadata: { name: "wharf" } },
    ];
    const node = there()
      .on("kubectl diff", "")
      .on("get deployments.apps", JSON.stringify({ items }))
      .on("kubectl delete", "");
    expect(await application(node)).toEqual(["StatefulSet wharf removed"]);
  });

  test("only says what it would do, when it is to", async () => {
    const node = new FakeNode().on("get namespace", "");
    expect(await application(node, true)).toEqual([
      "Deployment wharf applied",
      "HorizontalPodAutoscaler wharf applied",
    ]);
    expect(node.ran).toHaveLength(1);
  });

  test("reads the names of objects from what kubectl diff prints, whatever their group is called", () => {
    const lines = [
      "v1.ConfigMap.wharf.wharf-892gm66k2b",
      "networking.k8s.io.v1.NetworkPolicy.wharf.wharf",
      "v1.Namespace..wharf",
    ];
    expect(
      differingObjects(
        lines.map((file) => `diff -u -N /tmp/LIVE-1/${file} /tmp/MERGED-1/${file}`).join("\n"),
      ),
    ).toEqual(["ConfigMap wharf-892gm66k2b", "NetworkPolicy wharf", "Namespace wharf"]);
  });
});
