import { PassThrough, pipeline } from "node:stream";
import { constants, createGzip } from "node:zlib";

import type { Node } from "../node/node.ts";
import { commandLine } from "../node/quote.ts";
import { DeployError } from "./errors.ts";
import { canonical, CARRIED, type Image, type LocalImages } from "./images.ts";

const TELL_EVERY_BYTES = 20_000_000;

/** Of some images, those that a node's containerd has not. A tag tells the content, so the name is enough. */
export async function lacking(
  node: Node,
  images: readonly Image[],
  signal: AbortSignal,
): Promise<readonly Image[]> {
  const { stdout } = await node.run("ctr --namespace k8s.io images ls -q", { step: "images there", signal });
  const there = new Set(stdout.split("\n"));
  return images.filter((image) => !there.has(canonical(`${image.name}:${image.tag}`)));
}

/**
 * Brings images into a node's containerd, compressed on the way.
 *
 * @throws {NodeCommandError} when containerd refuses them
 * @throws {DeployError} when Docker does not give them
 */
export async function carry(
  node: Node,
  local: LocalImages,
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const counted = new PassThrough();
  let sent = 0;
  let told = 0;
  counted.on("data", (chunk: Buffer) => {
    sent += chunk.length;
    if (sent - told < TELL_EVERY_BYTES) return;
    told = sent;
    progress(`${megabytes(sent)}${local.bytes === undefined ? "" : ` of ${megabytes(local.bytes)}`} MB`);
  });
  const archive = createGzip({ level: constants.Z_BEST_SPEED });
  let failure: Error | null | undefined;
  const stream = pipeline(local.open(), counted, archive, (error) => (failure = error));
  try {
    await node.feed(importCommand(local.images), stream, {
      step: "images import",
      signal,
      timeoutMs: 3_600_000,
    });
  } catch (error) {
    // The import only says that the archive has ended too early.
    throw failure instanceof DeployError ? failure : error;
  } finally {
    stream.destroy();
  }
}

/**
 * Keeps kubelet from removing images that no node could pull again when its disk fills, and lets it have those of earlier
 * deployments.
 */
export async function pin(node: Node, images: readonly Image[], signal: AbortSignal): Promise<void> {
  const variables = { WANTED: images.map(({ name, tag }) => `${name}:${tag}`).join(" ") };
  await node.run(PIN, { step: "images pinned", variables, signal });
}

const PIN = `ctr --namespace k8s.io images ls -q | while read -r name; do
  case $name in ${CARRIED}/*) ;; *) continue ;; esac
  case " $WANTED " in *" $name "*) value=pinned ;; *) value= ;; esac
  ctr --namespace k8s.io images label "$name" "io.cri-containerd.pinned=$value" > /dev/null
done
`;

/** What reads a compressed archive and gives its images the names that they are deployed under. */
export function importCommand(images: readonly Image[]): string {
  const tags = images.map(({ source, name, tag }) =>
    commandLine([
      "ctr",
      "--namespace",
      "k8s.io",
      "images",
      "tag",
      "--force",
      canonical(source),
      canonical(`${name}:${tag}`),
    ]),
  );
  return ["gzip -dc | ctr --namespace k8s.io images import -", ...tags].join(" && ");
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
