import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";

import { until } from "../harness/pace.ts";
import type { Namespace } from "./cluster.ts";
import { pod } from "./pods.ts";
import { describeOn, type Deployed } from "./suite.ts";

/** What `pods/load.ts` answers with at its end. */
interface LoadReport {
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
  readonly losses: readonly string[];
  readonly acknowledged: number;
}

const TEST_LIMIT_MS = 900_000;
const ROLLOUT = ["rollout", "status", "deployment/wharf", "--timeout=220s"];
/** The Pods' origin has an address of the cluster's, which the guard refuses unless it is told otherwise. */
const settings = { ALLOW_NETWORKS: "10.0.0.0/8", ALLOW_PORTS: "*", LEASE_MS: "5000" };

for (const overlay of ["hostpath", "shared"]) {
  describeOn(overlay, { settings }, (on) => {
    it(
      "a rolling update under load fails no request and loses no byte",
      async () => {
        const reports = await underLoad(on(), async ({ namespace }) => {
          await namespace.kubectl(["rollout", "restart", "deployment/wharf"]);
          await namespace.kubectl(ROLLOUT);
          await sleep(5_000);
        });
        expect(faults(reports)).toEqual([]);
      },
      TEST_LIMIT_MS,
    );

    it(
      "any Pod may be deleted under load, at any time",
      async () => {
        const reports = await underLoad(on(), async ({ namespace }) => {
          for (const name of await namespace.servingPods()) {
            await sleep(1_000 + Math.random() * 5_000);
            await namespace.kubectl(["delete", "pod", name, "--timeout=120s"]);
            await namespace.kubectl(ROLLOUT);
          }
        });
        expect(faults(reports)).toEqual([]);
      },
      TEST_LIMIT_MS,
    );

    it(
      "Pods that are force-deleted under load take nothing along that was acknowledged",
      async () => {
        const reports = await underLoad(on(), async ({ namespace }) => {
          for (let kill = 0; kill < 4; kill += 1) {
            const names = await namespace.servingPods();
            const name = names[Math.floor(Math.random() * names.length)] ?? "";
            await namespace.kubectl(["delete", "pod", name, "--force", "--grace-period=0"]);
            await sleep(5_000);
            await namespace.kubectl(ROLLOUT);
          }
        });
        for (const { losses, counts } of reports) {
          expect(losses).toEqual([]);
          expect(counts["download"]).toBeGreaterThan(0);
        }
      },
      TEST_LIMIT_MS,
    );
  });
}

describeOn("hostpath", { components: ["autoscaling"] }, (on) => {
  it(
    "the autoscaler reads what the Pods use",
    async () => {
      const { namespace } = on();
      const used = async (): Promise<number | undefined> => {
        await sleep(2_000);
        const { status } = await namespace.get<HorizontalPodAutoscaler>("hpa", "wharf");
        return status.currentMetrics?.[0]?.resource?.current.averageUtilization;
      };
      await until(
        "utilisation in the autoscaler's status",
        async () => (await used()) !== undefined,
        300_000,
      );
      expect(await used()).toEqual(expect.any(Number));
    },
    TEST_LIMIT_MS,
  );
});

interface HorizontalPodAutoscaler {
  readonly status: {
    readonly currentMetrics?: readonly {
      readonly resource?: { readonly current: { readonly averageUtilization?: number } };
    }[];
  };
}

/** Runs something while a Pod on each node loads both services, and resolves to what these saw. */
async function underLoad(on: Deployed, run: (on: Deployed) => Promise<void>): Promise<LoadReport[]> {
  const { namespace, target, nodes } = on;
  const names = nodes.map((node) => `load-${node}`);
  const origin = { name: "origin", command: ["node", "/programs/cluster/pods/origin.ts"] };
  await namespace.apply(JSON.stringify(pod(target, origin)));
  await namespace.kubectl(["wait", "--for=condition=Ready", "pod/origin", "--timeout=60s"]);
  const { status } = await namespace.get<{ status: { podIP: string } }>("pod", "origin");
  for (const node of nodes) {
    const name = `load-${node}`;
    const env = {
      FILESERVER: "http://wharf:8080",
      DOWNLOADER: "http://wharf:3000",
      ORIGIN: `http://${status.podIP}:8000`,
      NAME: `${node}-${Date.now()}`,
    };
    await namespace.apply(
      JSON.stringify(pod(target, { name, command: ["node", "/programs/cluster/pods/load.ts"], env, node })),
    );
  }
  await namespace.kubectl([
    "wait",
    "--for=condition=Ready",
    ...names.map((name) => `pod/${name}`),
    "--timeout=60s",
  ]);
  try {
    await sleep(8_000);
    await run(on);
    return await Promise.all(names.map((name) => stopLoad(namespace, name)));
  } finally {
    await namespace.kubectl(["delete", "pod", "origin", ...names]);
  }
}

async function stopLoad(namespace: Namespace, name: string): Promise<LoadReport> {
  const stop = `const answer = await fetch("http://127.0.0.1:7000/stop", { method: "POST" });
    console.log(await answer.text());`;
  const report = JSON.parse(await namespace.evaluate(name, stop)) as LoadReport;
  console.log(`${name}: ${JSON.stringify({ ...report, failures: report.failures.slice(0, 20) })}`);
  return report;
}

/** What went wrong, and which of the loads did nothing at all. */
function faults(reports: readonly LoadReport[]): string[] {
  return reports.flatMap(({ counts, failures, losses }) => {
    const idle = ["upload", "slow upload", "slow read", "download"].filter((name) => !counts[name]);
    return [...failures, ...losses, ...idle.map((name) => `no ${name} ended`)];
  });
}
