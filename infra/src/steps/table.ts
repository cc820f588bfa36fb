import type { NodeSpec, PartName } from "../inventory/inventory.ts";
import { artefact } from "./artefacts.ts";
import { containerdSettings } from "./containerd-settings.ts";
import { initConfig } from "./kubeadm-config.ts";
import { neededPorts } from "./ports.ts";
import { shellStep } from "./shell-step.ts";
import { basic, credentials, kubernetesImage, packagesUrl, registries } from "./sources.ts";
import type { Step, StepContext } from "./step.ts";

const MANIFESTS = "/var/lib/wharf-cluster/manifests";
const FLANNEL_MANIFEST = `${MANIFESTS}/kube-flannel.yml`;
const METRICS_MANIFEST = `${MANIFESTS}/metrics-server.yml`;

export const facts = shellStep({
  id: "00-facts",
  title: "look at it",
  uses: ["whose"],
  variables: ({ spec }) => ({ ADDRESS: spec.address, PORTS: tcpPorts(spec.role) }),
});

/** What makes a machine ready to be a member, in this order. Every node, whatever its role. */
export const preparation: readonly Step[] = [
  shellStep({ id: "10-before", title: "remember how it is", uses: ["snapshot"] }),
  shellStep({
    id: "12-names",
    title: "names",
    variables: ({ spec }, { inventory }) => ({
      NAME: spec.name,
      HOSTS: inventory.nodes.map(({ address, name }) => `${address} ${name}`).join("\n"),
    }),
  }),
  shellStep({ id: "14-kernel", title: "kernel modules and settings" }),
  shellStep({ id: "16-swap", title: "no swap" }),
  shellStep({
    id: "18-trust",
    title: "certificate authorities",
    variables: (_, { ca = "" }) => ({ CA: ca }),
  }),
  shellStep({
    id: "20-repository",
    title: "apt repository",
    uses: ["fetch", "apt"],
    variables: (_, { inventory, profile, seenChecksums }) => {
      const url = packagesUrl(inventory.sources, profile);
      return { URL: url, KEY_SHA256: seenChecksums.of(`${url}/Release.key`) ?? "" };
    },
    secrets: (_, context) => credentials(context, packagesUrl(context.inventory.sources, context.profile)),
  }),
  shellStep({
    id: "21-packages",
    title: "kubeadm, kubelet, kubectl",
    uses: ["apt"],
    variables: (_, { inventory, profile }) => ({
      URL: packagesUrl(inventory.sources, profile),
      VERSION: profile.kubernetes,
    }),
  }),
  // After the packages: kubernetes-cni brings plugins of its own into the same folder.
  part("containerd", { FOLDER: "/usr/local", RESTARTS: "containerd" }),
  part("runc", { FOLDER: "/usr/local/sbin", PROGRAM: "runc", MODE: "755" }),
  part("cniPlugins", { FOLDER: "/opt/cni/bin" }),
  part("crictl", { FOLDER: "/usr/local/bin" }),
  part("flannel", { FOLDER: MANIFESTS, PROGRAM: "kube-flannel.yml", MODE: "644" }),
  part("metricsServer", { FOLDER: MANIFESTS, PROGRAM: "metrics-server.yml", MODE: "644" }),
  shellStep({
    id: "24-containerd",
    title: "containerd runs",
    uses: ["serve"],
    variables: ({ facts: { lowersOomScore } }, { inventory, profile }) => ({
      RESTARTS: "containerd",
      CONFIG_VERSION: String(profile.containerdConfig),
      SETTINGS: containerdSettings(
        profile.containerdConfig,
        kubernetesImage(inventory.sources, "pause", profile.pause),
        lowersOomScore,
      )
        .map((setting) => setting.join(" "))
        .join("\n"),
    }),
  }),
  shellStep({
    id: "26-registries",
    title: "registry mirrors",
    variables: (_, context) => ({ REGISTRIES: registries(context) }),
    secrets: (_, { credentials: given }) => (given === undefined ? {} : { AUTHORIZATION: basic(given) }),
  }),
  shellStep({
    id: "28-kubelet",
    title: "kubelet's own settings",
    uses: ["serve"],
    variables: ({ facts: { lowersOomScore } }) => ({
      RESTARTS: "kubelet",
      // It then only logs that it could not lower a score.
      EXTRA_ARGS: lowersOomScore ? "" : "--feature-gates=KubeletInUserNamespace=true",
    }),
  }),
];

/** Images that a node of its role will need. */
export const images: Step = shellStep({
  id: "30-images",
  title: "images",
  timeoutMs: 1_800_000,
  variables: ({ spec }, { inventory, profile }) => ({
    ROLE: spec.role,
    VERSION: profile.kubernetes,
    REPOSITORY: inventory.sources.imageRepository,
    MANIFESTS: FLANNEL_MANIFEST,
    IMAGES: [
      kubernetesImage(inventory.sources, "pause", profile.pause),
      kubernetesImage(inventory.sources, "kube-proxy", `v${profile.kubernetes}`),
      ...(spec.role === "worker" ? [metricsImage({ inventory, profile })] : []),
    ].join(" "),
  }),
});

/** The control plane, and what the cluster is given as soon as it answers. */
export const controlPlane: readonly Step[] = [
  shellStep({
    id: "40-control-plane",
    title: "kubeadm init",
    uses: ["whose", "kubeadm", "kubectl"],
    timeoutMs: 1_200_000,
    variables: ({ spec }, context) => ({
      VERSION: context.profile.kubernetes,
      // After a restart of the machine everything in it starts anew.
      PATIENCE: "180",
      CONFIG: initConfig(context, spec, context.facts),
    }),
  }),
  shellStep({
    id: "42-administrator",
    title: "label, kubectl for root",
    uses: ["kubectl"],
    variables: ({ spec }) => ({ NAME: spec.name }),
  }),
  shellStep({
    id: "44-flannel",
    title: "flannel",
    uses: ["kubectl"],
    variables: (_, { inventory, profile }) => ({
      VERSION: versionOf("flannel", { inventory, profile }),
      MANIFEST: FLANNEL_MANIFEST,
      PODS: inventory.pods,
    }),
  }),
  shellStep({
    id: "46-metrics-server",
    title: "metrics-server",
    uses: ["kubectl"],
    variables: (_, { inventory, profile }) => ({
      VERSION: versionOf("metricsServer", { inventory, profile }),
      MANIFEST: METRICS_MANIFEST,
      IMAGE: metricsImage({ inventory, profile }),
    }),
  }),
];

/** What the control plane knows of its members. */
export const members: Step = shellStep({ id: "48-members", title: "members", uses: ["kubectl"] });

/** @param names nodes that are to be Ready */
export function ready(names: readonly string[], seconds: number): Step {
  return shellStep({
    id: "60-ready",
    title: "nodes Ready, DNS and metrics answer",
    uses: ["kubectl"],
    timeoutMs: (seconds + 60) * 1000,
    variables: () => ({ NODES: names.join(" "), WAIT: String(seconds) }),
  });
}

/** Takes another node out of the cluster; runs on the control plane. */
export function drain(name: string, { isForced }: { isForced: boolean }): Step {
  return shellStep({
    id: "70-drain",
    title: `${name} leaves the cluster`,
    uses: ["kubectl"],
    variables: () => ({ NAME: name, WAIT: "300", FORCE: isForced ? "yes" : "no" }),
  });
}

/** Undoes everything that `up` does on a node, in this order. */
export const undoing: readonly Step[] = [
  shellStep({ id: "80-undo-member", title: "kubeadm reset", uses: ["whose", "kubeadm"] }),
  shellStep({ id: "82-undo-programs", title: "containerd and its data" }),
  shellStep({ id: "84-undo-packages", title: "packages" }),
  shellStep({ id: "86-undo-settings", title: "kernel settings and swap" }),
  shellStep({ id: "87-undo-files", title: "names and files" }),
];

/** What is different from before `up`; comes last. */
export const comparison: Step = shellStep({
  id: "88-compare",
  title: "compare with how it was",
  uses: ["snapshot"],
});

/** One file of a release, checked against what is known of it. */
function part(name: PartName, place: Readonly<Record<string, string>>): Step {
  return shellStep({
    id: `22-part-${name}`,
    title: name,
    script: "22-part",
    uses: ["fetch"],
    variables: ({ facts: { architecture } }, { inventory, profile, seenChecksums }) => {
      const { version, url, sha256, checksumUrls } = artefact(name, inventory, profile, architecture);
      return {
        PART: name,
        VERSION: version,
        URL: url,
        // What was seen of it counts more than what is stated beside it today.
        SHA256: sha256 ?? seenChecksums.of(url) ?? "",
        CHECKSUM_URLS: checksumUrls.join(" "),
        ...place,
      };
    },
    // Its checksums are beside it.
    secrets: ({ facts: { architecture } }, context) =>
      credentials(context, artefact(name, context.inventory, context.profile, architecture).url),
  });
}

function tcpPorts(role: NodeSpec["role"]): string {
  return neededPorts(role)
    .filter(({ protocol }) => protocol === "tcp")
    .map(({ port }) => port)
    .join(" ");
}

type Wanted = Pick<StepContext, "inventory" | "profile">;

function versionOf(name: PartName, { inventory, profile }: Wanted): string {
  return inventory.parts[name]?.version ?? profile[name].version;
}

function metricsImage(wanted: Wanted): string {
  const { sources } = wanted.inventory;
  return kubernetesImage(
    sources,
    "metrics-server",
    `v${versionOf("metricsServer", wanted)}`,
    "metrics-server/",
  );
}
