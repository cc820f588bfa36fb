import { execFile, execFileSync } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, it } from "vitest";
import { stringify } from "yaml";

import { describeManifests, K8S } from "./kustomize.ts";
import { find, type Manifest } from "./manifest.ts";

const hasPromtool = ((): boolean => {
  try {
    return execFileSync("promtool", ["--version"], { stdio: ["ignore", "pipe", "pipe"] }).length >= 0;
  } catch {
    return false;
  }
})();

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

describeManifests("monitoring", (manifests) => {
  const render = (): Promise<readonly Manifest[]> =>
    manifests().render({ overlay: "shared", components: ["monitoring"] });
  const rulesOf = (objects: readonly Manifest[]): readonly Rule[] =>
    (find(objects, "PrometheusRule").spec as { groups: [{ rules: Rule[] }] }).groups[0].rules;

  it("scrapes both services of every replica, ready or not", async () => {
    const objects = await render();
    const service = find(objects, "Service", "wharf-metrics");
    expect(service.spec).toMatchObject({
      clusterIP: "None",
      publishNotReadyAddresses: true,
      ports: [
        { name: "fileserver-mgmt", port: 9080, targetPort: "fileserver-mgmt" },
        { name: "downloader-mgmt", port: 9030, targetPort: "downloader-mgmt" },
      ],
    });
    const monitor = find(objects, "ServiceMonitor").spec as {
      selector: { matchLabels: object };
      endpoints: object[];
    };
    expect(service.metadata.labels).toEqual(monitor.selector.matchLabels);
    expect(monitor.endpoints).toEqual([
      { port: "fileserver-mgmt", path: "/metrics" },
      { port: "downloader-mgmt", path: "/metrics" },
    ]);
    // Nothing else has its labels: the clients' Service is not scraped.
    expect(find(objects, "Service").metadata.labels).not.toEqual(monitor.selector.matchLabels);
  });

  it("has alerts that say what is the matter, how bad it is, and where to look", async () => {
    const rules = rulesOf(await render());
    expect(rules.length).toBeGreaterThan(5);
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^Wharf[A-Z]/);
      expect(labels.severity).toMatch(/^(?:critical|warning)$/);
      expect(annotations.summary).toMatch(/\$labels\.namespace.*\.$/);
      expect(annotations.description).toMatch(/\.$/);
    }
  });

  it("has a page of graphs that Grafana's sidecar finds", async () => {
    const { metadata, data } = find(await render(), "ConfigMap", "wharf-dashboard");
    expect(metadata).toMatchObject({ name: "wharf-dashboard", labels: { grafana_dashboard: "1" } });
    const { panels } = JSON.parse(data?.["wharf.json"] ?? "") as {
      panels: { id: number; title: string; targets: { expr: string }[]; gridPos: { x: number; y: number } }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ gridPos }) => `${gridPos.x},${gridPos.y}`)).size).toBe(panels.length);
    for (const { targets } of panels)
      for (const { expr } of targets) expect(expr).toContain('namespace=~"$namespace"');
  });

  it.skipIf(!hasPromtool)(
    "has rules that Prometheus takes, and that fire when they should (needs promtool)",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "wharf-rules-"));
      try {
        const objects = await render();
        await writeFile(join(folder, "rules.yaml"), stringify(find(objects, "PrometheusRule").spec));
        await cp(join(K8S, "components/monitoring/rules.test.yaml"), join(folder, "rules.test.yaml"));
        const promtool = async (...parts: string[]): Promise<string> =>
          (await promisify(execFile)("promtool", parts, { cwd: folder })).stdout;
        expect(await promtool("check", "rules", "rules.yaml")).toContain(
          `SUCCESS: ${rulesOf(objects).length} rules found`,
        );
        await promtool("test", "rules", "rules.test.yaml");
        // The expressions of the graphs are judged as if they were rules.
        const { panels } = JSON.parse(
          find(objects, "ConfigMap", "wharf-dashboard").data?.["wharf.json"] ?? "",
        ) as {
          panels: { targets: { expr: string }[] }[];
        };
        const expressions = panels.flatMap(({ targets }) =>
          targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "1m")),
        );
        const rules = expressions.map((expr, index) => ({ record: `graph:${index}`, expr }));
        await writeFile(join(folder, "graphs.yaml"), stringify({ groups: [{ name: "graphs", rules }] }));
        expect(await promtool("check", "rules", "graphs.yaml")).toContain(
          `SUCCESS: ${rules.length} rules found`,
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});
