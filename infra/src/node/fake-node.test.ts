import { Readable } from "node:stream";
import { expect, test } from "vitest";

import { FakeNode } from "./fake-node.ts";

test("the rule that was given last answers", async () => {
  const node = new FakeNode("a").on(/./, "usual").on("swapon", { stdout: "/swap.img", stderr: "warned" });
  expect(await node.run("uname")).toEqual({ stdout: "usual", stderr: "" });
  expect(await node.run("swapon --show")).toEqual({ stdout: "/swap.img", stderr: "warned" });
});

test("answers are given one after the other, the last for ever; a step's name matches as well", async () => {
  const node = new FakeNode().on("40-init", [{ status: 1, stderr: "not yet" }, "done"]);
  const run = () => node.run("kubeadm init", { step: "40-init" });
  await expect(run()).rejects.toMatchObject({
    code: "NODE_COMMAND_FAILED",
    step: "40-init",
    stderr: "not yet",
  });
  expect((await run()).stdout).toBe("done");
  expect((await run()).stdout).toBe("done");
});

test("what was run and fed is recorded", async () => {
  const node = new FakeNode().on("cat", "");
  await node.feed("cat > /file", Readable.from(["some ", "bytes"]), { variables: { A: "b" } });
  expect(node.ran).toEqual([
    { script: "cat > /file", options: { variables: { A: "b" } }, fed: "some bytes" },
  ]);
});

test("what no rule answers to fails the test that did not expect it", async () => {
  await expect(new FakeNode("a").run("rm -rf /")).rejects.toThrow("a was not told what to answer to");
});
