import { describe, expect, test } from "vitest";

import { FakeNode } from "../node/fake-node.ts";
import { testVerb } from "../steps/testing.ts";
import { deploy } from "./deploy.ts";
import { upAndDeploy } from "./up-and-deploy.ts";

const wrong = [
  ["--images", { images: "podman" }, /build, docker or registry/],
  ["--archive with a tag", { archive: "a.tar", "image-tag": "1" }, /--archive/],
  ["--archive that is not there", { archive: "none.tar" }, /no \/none\.tar/],
  ["--timeout", { timeout: "soon" }, /--timeout/],
  ["--overlay", { overlay: "hostpaht" }, /there is no overlay hostpaht: did you mean hostpath/],
  [
    "--overlay beside the inventory's components",
    { overlay: "hostpath" },
    /disruption is not for the overlay/,
  ],
] as const;

describe.each([deploy, upAndDeploy])("$name", (asked) => {
  test.for(wrong)("tells what is wrong with %s before anything is done", async ([, values, message]) => {
    const node = new FakeNode("k8s-master").on(() => true, "");
    const { verb } = testVerb([node], { values });
    const { inventory, ...cluster } = await verb.cluster();
    const spec = { ...inventory.deploy, overlay: "shared", components: ["disruption"] };
    const context = {
      ...verb,
      cluster: () => Promise.resolve({ ...cluster, inventory: { ...inventory, deploy: spec } }),
    };
    await expect(asked.run(context)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringMatching(message) as string,
    });
    expect(node.ran).toEqual([]);
  });
});
