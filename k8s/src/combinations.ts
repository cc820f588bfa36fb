/** Which components each overlay can be given. */
export const COMPONENTS = {
  pod: ["load", "network-policy", "monitoring", "ingress"],
  // Without disruption: its replicas may run on one node only, so that no second one could leave a node that is drained.
  hostpath: ["autoscaling", "load", "network-policy", "monitoring", "ingress", "postgres"],
  // It has postgres already.
  shared: ["autoscaling", "load", "network-policy", "monitoring", "disruption", "ingress", "volume-owner"],
  // Stores of their own: more of them share no work, and one table for all would speak of files that others have.
  "per-pod": ["load", "network-policy", "monitoring", "disruption", "ingress", "volume-owner"],
} as const satisfies Record<string, readonly string[]>;

export type Overlay = keyof typeof COMPONENTS;

export const OVERLAYS = Object.keys(COMPONENTS) as readonly Overlay[];

type Combination = readonly [name: string, composition: { overlay: Overlay; components: readonly string[] }];

/** Each overlay with all of its components. */
export const WHOLE: readonly Combination[] = OVERLAYS.map((overlay) =>
  combination(overlay, COMPONENTS[overlay]),
);

/** Each overlay alone, with each of its components, with each two of them, and with all. */
export const COMBINATIONS: readonly Combination[] = OVERLAYS.flatMap((overlay) => {
  const all: readonly string[] = COMPONENTS[overlay];
  const ones = all.map((component) => [component]);
  const pairs = all.flatMap((one, index) => all.slice(index + 1).map((other) => [one, other]));
  return [[], ...ones, ...pairs, all].map((components) => combination(overlay, components));
});

function combination(overlay: Overlay, components: readonly string[]): Combination {
  return [[overlay, ...components].join(" + "), { overlay, components }];
}
