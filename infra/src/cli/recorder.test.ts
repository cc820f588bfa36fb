import { expect, test } from "vitest";

import { plainView } from "./plain-view.ts";
import { Recorder } from "./recorder.ts";
import type { Task } from "./report.ts";
import { duration } from "./view.ts";

function recorder() {
  const lines: string[] = [];
  return { lines, report: new Recorder(plainView((text) => lines.push(text.trimEnd()), false)) };
}
const task = (title: string, run: Task["run"], node?: string): Task => ({
  title,
  run,
  ...(node === undefined ? {} : { node }),
});

test("nodes are seen to at the same time, and each one's tasks in order", async () => {
  const { report, lines } = recorder();
  const met = Promise.withResolvers<readonly string[]>();
  await report.run(
    "phase",
    [
      task("waits for the other", () => met.promise, "a"),
      task("then this", async () => [], "a"),
      task("meets it", async () => (met.resolve(["met"]), []), "b"),
    ],
    { concurrent: true },
  );
  expect(lines.filter((line) => !line.startsWith("[b]"))).toEqual([
    "== phase",
    "[a] waits for the other: changed: met",
    "[a] then this: ok",
  ]);
  expect(lines).toContain("[b] meets it: ok");
});

test("without that, one task after the other whatever it is about", async () => {
  const { report, lines } = recorder();
  await report.run("phase", [
    task("one", async () => [], "a"),
    task("two", async () => [], "b"),
    task("three", async () => []),
  ]);
  expect(lines).toEqual(["== phase", "[a] one: ok", "[b] two: ok", "three: ok"]);
});

test("after a failure what runs is let end, nothing more begins, and the first error is thrown", async () => {
  const { report, lines } = recorder();
  const failed = Promise.withResolvers<never>();
  const first = new Error("first");
  const run = report.run(
    "phase",
    [
      task("fails", () => failed.promise, "a"),
      task("never", async () => ["never"], "a"),
      task(
        "goes on",
        async () => {
          failed.reject(first);
          await new Promise((resolve) => setImmediate(resolve));
          return ["done"];
        },
        "b",
      ),
      task("never", async () => ["never"], "b"),
    ],
    { concurrent: true },
  );
  await expect(run).rejects.toBe(first);
  expect(lines).toEqual(["== phase", "[a] fails: failed: first", "[b] goes on: changed: done"]);
  expect(report.phases[0]?.tasks.map(({ node, error }) => [node, error])).toEqual([
    ["a", "first"],
    ["b", undefined],
  ]);
});

test("what a node has to tell is shown with its task that runs, or by itself", async () => {
  const { report, lines } = recorder();
  report.notice("a", "before");
  await report.run("phase", [task("works", async () => (report.notice("a", "meanwhile"), []), "a")]);
  expect(lines).toEqual(["a: before", "== phase", "[a] works: meanwhile", "[a] works: ok"]);
});

test.each([
  [0.04, "0.0 s"],
  [9.94, "9.9 s"],
  [59.4, "59 s"],
  [59.6, "1 min 0 s"],
  [125, "2 min 5 s"],
])("%d seconds are %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
