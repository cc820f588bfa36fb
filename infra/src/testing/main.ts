import { setTimeout as delay } from "node:timers/promises";

import { runProcess } from "../cli/process.ts";
import type { Task } from "../cli/report.ts";
import type { Verb } from "../cli/verb.ts";
import { ClusterError } from "../errors.ts";

/** Verbs that need no machine, so that the command line itself can be tried. */
const work: Verb = {
  name: "work",
  summary: "Does a few things",
  synopsis: "[--fail NODE]",
  takesWords: true,
  options: { fail: { type: "string" } },
  descriptions: { fail: "the node on which the second thing fails" },
  async run({ report, values, positionals }) {
    const tasks = ["one", "two"].flatMap((node): Task[] => [
      { node, title: "first", run: async () => ["installed it"] },
      {
        node,
        title: "second",
        async run(progress) {
          progress("halfway");
          await delay(10);
          if (values["fail"] === node)
            throw new ClusterError("BROKEN", "it broke", {
              hint: "`pnpm cluster sandbox down`, or pnpm cluster up.",
            });
          return [];
        },
      },
      { node, title: "third", run: async () => [] },
    ]);
    report.say(`given ${positionals.join(" ")}`);
    await report.run("things", tasks, { concurrent: true });
    report.result("answer", 42);
    return 0;
  },
};

const ask: Verb = {
  name: "ask",
  summary: "Asks",
  synopsis: "",
  async run({ confirm, report }) {
    report.say((await confirm("Really?")) ? "yes: pnpm deploy:cluster" : "no");
    return 0;
  },
};

/** Runs until it is interrupted: on every node, or, without an inventory, here. */
const wait: Verb = {
  name: "wait",
  summary: "Waits",
  synopsis: "",
  async run({ cluster, report, signal }) {
    const { nodes } = await cluster();
    const tasks = nodes.map((node): Task => ({
      node: node.name,
      title: "waits",
      async run() {
        await node.run("echo waiting; sleep 4712.5", { signal });
        return [];
      },
    }));
    await report.run("waiting", tasks, { concurrent: true });
    return 0;
  },
};

const pass: Verb = {
  name: "pass",
  summary: "Passes everything on",
  synopsis: "",
  passesOn: true,
  attaches: true,
  async run({ report, positionals, inventoryFile, options }) {
    report.say(JSON.stringify({ positionals, inventoryFile, options }));
    return 0;
  },
};

process.exitCode = await runProcess(process, [work, ask, wait, pass]);
