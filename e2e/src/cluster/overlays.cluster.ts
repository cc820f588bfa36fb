import { expect, it } from "vitest";

import { describeOn, OVERLAYS } from "./suite.ts";

for (const overlay of Object.keys(OVERLAYS)) {
  describeOn(overlay, {}, (on) => {
    // A directory of a node's outlives what used it.
    const file = `${Date.now()}.txt`;

    it("comes up, and both ports answer through the Service from every node", async () => {
      const { namespace, nodes } = on();
      expect(nodes.length).toBeGreaterThan(0);
      for (const node of nodes) {
        const answers = await namespace.evaluate(`probe-${node}`, storeAndAsk(`${node}-${file}`, node));
        expect(JSON.parse(answers)).toEqual({ put: 201, get: 200, body: node, list: 200 });
      }
    });

    it("serves with a root file system that is read-only, as a user that is not root", async () => {
      const { namespace } = on();
      const [first = ""] = await namespace.servingPods();
      for (const container of ["fileserver", "downloader"]) {
        const program = `process.getuid() + " " + (() => { try { fs.writeFileSync("/app/x", ""); return "written"; } catch (error) { return error.code; } })()`;
        const said = await namespace.kubectl(["exec", first, "-c", container, "--", "node", "-p", program]);
        expect(said.trim()).toBe("65532 EROFS");
      }
    });

    // Nothing brings a bare Pod back.
    it.skipIf(overlay === "pod")("keeps its files when its Pods are replaced", async () => {
      const { namespace, nodes } = on();
      const [node = ""] = nodes;
      const pods = await namespace.servingPods();
      await namespace.kubectl(["delete", "pod", ...pods, "--timeout=120s"]);
      for (const workload of OVERLAYS[overlay]?.workloads ?? [])
        await namespace.kubectl(["rollout", "status", workload, "--timeout=180s"]);
      const found = await namespace.evaluate(`probe-${node}`, findEverywhere(`${node}-${file}`, overlay));
      expect(found.trim()).toBe(node);
    });
  });
}

/** A file is stored and read back, and the downloader asked for its list. */
function storeAndAsk(file: string, content: string): string {
  return `const url = "http://wharf:8080/files/${file}";
    const put = await fetch(url, { method: "PUT", body: "${content}" });
    const get = await fetch(url);
    const body = await get.text();
    const list = await fetch("http://wharf:3000/downloads");
    console.log(JSON.stringify({ put: put.status, get: get.status, body, list: list.status }));`;
}

/** What the file holds; with files of their own, one of the replicas has it. */
function findEverywhere(file: string, overlay: string): string {
  const hosts = overlay === "per-pod" ? [0, 1, 2].map((n) => `wharf-${n}.wharf-pods`) : ["wharf"];
  return `for (const host of ${JSON.stringify(hosts)}) {
      const answer = await fetch("http://" + host + ":8080/files/${file}");
      if (answer.status === 200) console.log(await answer.text());
    }`;
}
