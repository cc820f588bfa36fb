import { afterAll, beforeAll, expect, it } from "vitest";

import { OVERLAYS } from "./combinations.ts";
import { describeManifests } from "./kustomize.ts";
import { environmentOf, find, wharfPod } from "./manifest.ts";
import { IMAGE_ENVIRONMENT, parseEnvironments, RunningService } from "./running.ts";

describeManifests("the services", (manifests) => {
  it.each(OVERLAYS)("of %s understand every variable that they are given", async (overlay) => {
    const objects = await manifests().render({ overlay });
    for (const container of wharfPod(objects).containers) {
      const given = { ...IMAGE_ENVIRONMENT, ...environmentOf(objects, container) };
      // Of no meaning to the service: DATABASE_URL is put together from it.
      const names = Object.keys(given).filter((name) => name !== "POSTGRES_PASSWORD");
      const changed = names.map((name) => ({ ...given, [name]: "1" }));
      const [verdict, ...others] = await parseEnvironments(container.name, [given, ...changed]);
      expect(verdict?.error).toBeUndefined();
      // Variables they do not know they pass over, so a known one is one that makes a difference.
      const unknown = names.filter((_, index) => JSON.stringify(others[index]) === JSON.stringify(verdict));
      expect(unknown).toEqual([]);
      expect(verdict?.config).toMatchObject({
        port: container.ports?.[0]?.containerPort,
        metricsPort: container.ports?.[1]?.containerPort,
        volumeDirectory: container.volumeMounts?.[0]?.mountPath,
      });
    }
  });
});

describeManifests("both services, running as they are configured", (manifests) => {
  const running: RunningService[] = [];

  beforeAll(async () => {
    const objects = await manifests().render({ overlay: "hostpath" });
    for (const container of wharfPod(objects).containers) {
      running.push(await RunningService.start(container.name, environmentOf(objects, container)));
    }
  });
  afterAll(() => Promise.all(running.map((service) => service[Symbol.asyncDispose]())));

  it("answer what the probes ask", async () => {
    const { containers } = wharfPod(await manifests().render({ overlay: "hostpath" }));
    for (const { name, startupProbe, readinessProbe, livenessProbe } of containers) {
      const url = await running.find((each) => each.name === name)?.url();
      for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
        const { status } = await fetch(`${url}${probe?.httpGet?.path}`);
        expect([name, probe?.httpGet?.path, status]).toEqual([name, probe?.httpGet?.path, 200]);
      }
    }
  });

  it("have every metric that an alert or a graph asks for", async () => {
    const answers = await Promise.all(
      running.map(async (service) => (await fetch(`${await service.url()}/metrics`)).text()),
    );
    const types = [...answers.join("\n").matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    const known = new Set(
      types.flatMap(([, name, type]) =>
        type === "histogram" ? ["_bucket", "_count", "_sum"].map((suffix) => `${name}${suffix}`) : [name],
      ),
    );
    const objects = await manifests().render({ overlay: "hostpath", components: ["monitoring"] });
    const { groups } = find(objects, "PrometheusRule").spec as { groups: { rules: { expr: string }[] }[] };
    const page = JSON.parse(find(objects, "ConfigMap", "wharf-dashboard").data?.["wharf.json"] ?? "") as {
      panels: { targets: { expr: string }[] }[];
    };
    const expressions = [
      ...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
      ...page.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ];
    const asked = expressions.flatMap((text) => text.match(/\b(?:wharf|http|nodejs|process)_\w+/g) ?? []);
    expect(new Set(asked).size).toBeGreaterThan(10);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });
});
