import { expect, test } from "vitest";

import { FakeNode } from "../node/fake-node.ts";
import { testVerb } from "../steps/testing.ts";
import { sandbox } from "./sandbox.ts";

test.for([
  [[], {}, "sandbox up, or sandbox down?"],
  [["ls"], {}, "sandbox up, or sandbox down?"],
  [["up", "trial"], {}, 'sandbox up: what is "trial"?'],
  [["up"], { images: true }, '--images is nothing for "sandbox up"'],
  [["down"], { profile: "v1.28" }, '--profile is nothing for "sandbox down"'],
  [["down"], { subnet: "10.1.2" }, '--subnet is nothing for "sandbox down"'],
] as const)("sandbox %j with %j is wrong use", async ([positionals, values, message]) => {
  const { verb } = testVerb([new FakeNode()], { positionals, values });
  await expect(sandbox.run(verb)).rejects.toMatchObject({ code: "USAGE", message });
});
