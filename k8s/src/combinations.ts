/** Which components each overlay can be given. */
export const COMPONENTS = {
  pod: ["load", "network-policy", "monitoring", "ingress"],
  hostpath: ["autoscaling", "load", "network-policy", "monitoring", "disruption", "ingress", "postgres"],
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

/** Each overlay alone, with each of its components, and with all of them. */
export const COMBINATIONS: readonly Combination[] = OVERLAYS.flatMap((overlay) => {
  const ones = COMPONENTS[overlay].map((component) => combination(overlay, [component]));
  return ones.concat([combination(overlay, []), combination(overlay, COMPONENTS[overlay])]);
});

function combination(overlay: Overlay, components: readonly string[]): Combination {
  return [[overlay, ...components].join(" + "), { overlay, components }];
}
