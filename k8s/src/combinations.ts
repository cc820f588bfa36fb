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

/** Each overlay alone, with each of its components, and with all of them. */
export const COMBINATIONS: readonly (readonly [
  name: string,
  { overlay: Overlay; components: readonly string[] },
])[] = OVERLAYS.flatMap((overlay) => {
  const all: readonly string[] = COMPONENTS[overlay];
  return [[], ...all.map((component) => [component]), all].map(
    (components) => [[overlay, ...components].join(" + "), { overlay, components }] as const,
  );
});
