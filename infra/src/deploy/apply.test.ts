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
  test("are waited for in the order in which they need each other", () => {
    const yaml = rendered + `---\nkind: StatefulSet\nmetadata: {name: wharf-postgres}\n`;
    expect(workloads(parseRendered(yaml))).toEqual(["statefulset/wharf-postgres", "deployment/wharf"]);
  });

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
  const application = (node: FakeNode, isDryRun = false, yaml = rendered) =>
    apply({
      controlPlane: node,
      kubectl: new Kubectl(node),
      namespace: "wharf",
      yaml,
      isDryRun,
      signal,
    });
  const diff =
    "diff -u -N /tmp/LIVE-1/apps.v1.Deployment.wharf.wharf /tmp/MERGED-2/apps.v1.Deployment.wharf.wharf\n+  image: x\n";
  const namespace = (labels: object) => JSON.stringify({ metadata: { name: "wharf", labels } });
  const ours = { "app.kubernetes.io/managed-by": "wharf-cluster" };
  const there = () =>
    new FakeNode()
      .on("get namespace", namespace(ours))
      .on("get customresourcedefinitions", "")
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

  test("leaves the labels of a namespace alone that it has not made", async () => {
    const node = there().on("get namespace", namespace({ "app.kubernetes.io/managed-by": "somebody" }));
    await application(node);
    for (const { fed } of node.ran) expect(fed ?? "").not.toContain("pod-security");
    const made = new FakeNode().on("get namespace", "").on("kubectl apply", "");
    await application(made);
    expect(parseRendered(made.ran[1]?.fed ?? "")[0]?.metadata).toMatchObject({
      labels: { ...ours, "pod-security.kubernetes.io/enforce": "privileged" },
    });
  });

  describe("a bare Pod", () => {
    const yaml = `kind: ConfigMap
metadata: {name: wharf}
---
kind: Pod
metadata: {name: testpod}
spec: {containers: [{name: fileserver, env: [{name: A, value: "on"}]}]}
`;
    const isPod = ({ fed = "" }: { fed?: string }) =>
      fed.includes('"kind":"Pod"') && !fed.includes("ConfigMap");
    const differing = (file: string) => `diff -u -N /tmp/LIVE-1/${file} /tmp/MERGED-2/${file}\n`;
    const bare = () =>
      there()
        .on("get deployments.apps", JSON.stringify({ items: [] }))
        .on("kubectl diff", "")
        .on("kubectl delete", "");
    const steps = (node: FakeNode) =>
      node.ran.flatMap(({ script }) => /kubectl (delete|apply).*/.exec(script)?.[0].split(" --")[0] ?? []);

    test("goes and comes anew where its image, its template or its settings differ", async () => {
      const refused =
        'The Pod "testpod" is invalid: spec: Forbidden: pod updates may not change fields other than …';
      const changes = [
        bare().on((ran) => isPod(ran), differing("v1.Pod.wharf.testpod")),
        bare().on((ran) => isPod(ran), { status: 2, stderr: refused }),
        bare().on(/kubectl diff/, differing("v1.ConfigMap.wharf.wharf")),
      ];
      for (const node of changes) {
        expect(await application(node, false, yaml)).toContain("Pod testpod applied");
        expect(steps(node)).toEqual(["kubectl delete", "kubectl apply"]);
        expect(node.ran.find(({ script }) => script.includes("delete"))?.script).toMatch(/ pod\/testpod$/);
      }
    });

    test("stays where nothing does, and in a dry run", async () => {
      const node = bare();
      expect(await application(node, false, yaml)).toEqual([]);
      expect(steps(node)).toEqual([]);
      const dry = bare().on((ran) => isPod(ran), differing("v1.Pod.wharf.testpod"));
      expect(await application(dry, true, yaml)).toEqual(["Pod testpod applied"]);
      expect(steps(dry)).toEqual([]);
    });

    test("that the API server refuses for itself is not removed", async () => {
      const node = bare().on((ran) => isPod(ran), {
        status: 2,
        stderr: 'The Pod "testpod" is invalid: spec.x',
      });
      await expect(application(node, false, yaml)).rejects.toMatchObject({ code: "NODE_COMMAND_FAILED" });
      expect(steps(node)).toEqual([]);
    });
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

  test("removes settings that nothing is made of any more, and the monitoring kinds that the cluster has", async () => {
    const owner = (kind: string, name: string) => ({ ownerReferences: [{ kind, name, uid: "1" }] });
    const using = (name: string) => ({ template: { spec: { envFrom: [{ configMapRef: { name } }] } } });
    const node = there()
      .on("kubectl diff", "")
      .on("kubectl delete", "")
      .on(
        "get customresourcedefinitions",
        "customresourcedefinition.apiextensions.k8s.io/servicemonitors.monitoring.coreos.com\n",
      )
      .on(
        "get deployments.apps",
        JSON.stringify({
          items: [
            { kind: "StatefulSet", metadata: { name: "wharf" } },
            ...["wharf-now", "wharf-before", "wharf-set", "wharf-forgotten", "wharf-dashboard"].map(
              (name) => ({
                kind: "ConfigMap",
                metadata: { name },
              }),
            ),
            { kind: "ServiceMonitor", metadata: { name: "wharf" } },
          ],
        }),
      )
      .on(
        "get replicasets.apps",
        JSON.stringify({
          items: [
            { kind: "ReplicaSet", metadata: owner("Deployment", "wharf"), spec: using("wharf-before") },
            { kind: "ControllerRevision", metadata: owner("StatefulSet", "wharf"), data: using("wharf-set") },
          ],
        }),
      );
    const yaml = `${rendered}---\nkind: ConfigMap\nmetadata: {name: wharf-now}\n`;
    expect(await application(node, false, yaml)).toEqual([
      "StatefulSet wharf removed",
      "ConfigMap wharf-set removed",
      "ConfigMap wharf-forgotten removed",
      "ConfigMap wharf-dashboard removed",
      "ServiceMonitor wharf removed",
    ]);
    const asked = node.ran.find(({ script }) => script.includes("get deployments.apps"))?.script;
    expect(asked).toContain("serviceaccounts,configmaps");
    expect(asked).toContain("servicemonitors.monitoring.coreos.com ");
    expect(asked).not.toMatch(/prometheusrules|secrets|persistentvolumeclaims/);
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
