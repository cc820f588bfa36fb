import { spawn } from "node:child_process";
import { createHash } from "node:crypto";

import type { Report, Task } from "../cli/report.ts";
import { canonical } from "../deploy/images.ts";
import type { Node, RunOptions } from "../node/node.ts";
import { commandLine } from "../node/quote.ts";
import type { StepContext } from "../steps/step.ts";
import { BundleError } from "./errors.ts";
import { type Bundle, ON_NODE } from "./open.ts";

/**
 * Brings the release files and packages to nodes that do not have them.
 *
 * @throws {BundleError} when a node is of another architecture
 * @throws {NodeCommandError} when a node has no room, or they do not arrive whole
 */
export async function bringFiles(
  bundle: Bundle,
  nodes: readonly Node[],
  context: StepContext,
  report: Report,
) {
  const { manifest } = bundle;
  const files = Object.entries(manifest.files).filter(([name]) => name.startsWith("files/"));
  const sums = files.map(([name, sum]) => `${sum}  ${name}\n`).join("");
  const mark = createHash("sha256").update(sums).digest("hex");
  await report.run(
    "bundle",
    nodes.map((node) => fileTask(bundle, { sums, mark }, node, context)),
    { concurrent: true },
  );
}

function fileTask(
  bundle: Bundle,
  { sums, mark }: { sums: string; mark: string },
  node: Node,
  context: StepContext,
): Task {
  const { signal, isDryRun, facts } = context;
  return {
    node: node.name,
    title: "files of the bundle",
    run: async () => {
      const architecture = facts.get(node.name)?.architecture;
      if (architecture !== undefined && architecture !== bundle.manifest.architecture) {
        throw new BundleError(
          `${node.name} is ${architecture}, and the bundle is for ${bundle.manifest.architecture}`,
        );
      }
      const variables = { PLACE: ON_NODE, SUMS: sums, MARK: mark };
      const { stdout } = await node.run(LOOK, { step: "bundle there", variables, signal });
      if (stdout.trim() === "there") return [];
      if (!isDryRun) {
        const command = `rm -rf ${ON_NODE} && mkdir -p ${ON_NODE} && tar -x --no-same-owner -f - -C ${ON_NODE}`;
        await feedPacked(bundle, "files", node, command, { step: "bundle", signal });
        await node.run(CHECK, { step: "bundle whole", variables, signal });
      }
      return [`files in ${ON_NODE}`];
    },
  };
}

const LOOK = `cd "$PLACE" 2> /dev/null || exit 0
[ "$(cat mark 2> /dev/null)" = "$MARK" ] || exit 0
printf %s "$SUMS" | sha256sum --check --status || exit 0
echo there
`;

// apt reads them as a user of its own.
const CHECK = `cd "$PLACE"
printf %s "$SUMS" | sha256sum --check --quiet >&2
chmod -R a+rX .
echo "$MARK" > mark
`;

/**
 * Brings the images to nodes whose containerd does not have them all.
 *
 * @throws {NodeCommandError} when containerd refuses them
 */
export async function importImages(
  bundle: Bundle,
  nodes: readonly Node[],
  context: StepContext,
  report: Report,
) {
  await report.run(
    "images of the bundle",
    nodes.map((node) => imageTask(bundle, node, context)),
    { concurrent: true },
  );
}

function imageTask(bundle: Bundle, node: Node, { signal, isDryRun }: StepContext): Task {
  return {
    node: node.name,
    title: "images",
    run: async () => {
      // In a dry run there may be no containerd to ask.
      const ask =
        "ctr --namespace k8s.io images ls -q 2> /dev/null || [ ! -e /run/containerd/containerd.sock ]";
      const { stdout } = await node.run(ask, { step: "images there", signal });
      const there = new Set(stdout.split("\n"));
      const missing = bundle.manifest.images.filter((image) => !there.has(canonical(image)));
      if (missing.length > 0 && !isDryRun) {
        const command = importCommand(bundle.manifest.images);
        await feedPacked(bundle, "images", node, command, { step: "images import", signal });
      }
      return missing.map((image) => `image ${image}`);
    },
  };
}

/** Pinned, kubelet does not remove them when the disk fills: it could not pull them again. */
function importCommand(images: readonly string[]): string {
  const pins = images.map((image) =>
    commandLine([
      "ctr",
      "--namespace",
      "k8s.io",
      "images",
      "label",
      canonical(image),
      "io.cri-containerd.pinned=pinned",
    ]),
  );
  return ["ctr --namespace k8s.io images import -", ...pins].join(" && ");
}

/** Feeds a node a folder of the bundle as an archive: an OCI layout must stand at its root, files below their folder's name. */
async function feedPacked(
  { folder }: Bundle,
  name: "files" | "images",
  node: Node,
  command: string,
  options: RunOptions,
): Promise<void> {
  const what = name === "files" ? ["-C", folder, "files"] : ["-C", `${folder}/images`, "."];
  const tar = spawn("tar", ["-cf", "-", ...what], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    // If tar ends too early, so does what reads it, with an error of its own.
    await node.feed(command, tar.stdout, { ...options, timeoutMs: 3_600_000 });
  } finally {
    // If nobody read to the end, it would wait for that, and this program for it.
    tar.stdout.destroy();
  }
}
