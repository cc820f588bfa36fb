import { stringify } from "yaml";

import type { DeploySpec } from "../inventory/inventory.ts";
import type { Metadata } from "../kubernetes/objects.ts";
import type { Image } from "./images.ts";

/** On every object that is deployed, so that what an earlier deploy made and this one lacks can be told, and removed. */
export const ownership = { "app.kubernetes.io/managed-by": "wharf-cluster" } as const;

/** Whether an earlier deploy made an object. */
export function isOwned({ labels = {} }: Metadata): boolean {
  return Object.entries(ownership).every(([label, value]) => labels[label] === value);
}

/**
 * The kustomization that is laid over the chosen overlay, in a folder of `k8s/` beside `overlays/`: namespace, images'
 * names and tags, components, and what the inventory says for the services.
 */
export function kustomization(deploy: DeploySpec, images: readonly Image[]): string {
  const literals =
    deploy.allowNetworks.length === 0 ? [] : [`ALLOW_NETWORKS=${deploy.allowNetworks.join(",")}`];
  return stringify({
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: deploy.namespace,
    resources: [`../overlays/${deploy.overlay}`],
    components: deploy.components.map((name) => `../components/${name}`),
    labels: [{ pairs: ownership, includeSelectors: false }],
    images: images.map(({ service, name, tag }) => ({
      name: `wharf/${service}`,
      newName: name,
      newTag: tag,
    })),
    ...(literals.length === 0
      ? {}
      : {
          configMapGenerator: [
            {
              name: "wharf",
              behavior: "merge",
              literals,
              // As the overlay has it: a Pod's specification cannot be changed to another name.
              ...(deploy.overlay === "pod" ? { options: { disableNameSuffixHash: true } } : {}),
            },
          ],
        }),
  });
}
