import { stringify } from "yaml";

import type { DeploySpec } from "../inventory/inventory.ts";
import type { Metadata } from "../kubernetes/objects.ts";
import type { Image } from "./images.ts";

/** The file of the registry's password, beside the kustomization. */
export const PULL_CONFIG = "registry.json";

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
    ...(deploy.registryCredentials === undefined ? {} : pullSecret),
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

const imagePullSecrets = [{ name: "wharf-registry" }];

/**
 * In the templates and not in the ServiceAccount: a bare Pod has none of ours, and Pods that wait for their images already
 * would not learn of it.
 */
const pullSecret = {
  secretGenerator: [
    {
      name: "wharf-registry",
      type: "kubernetes.io/dockerconfigjson",
      files: [`.dockerconfigjson=${PULL_CONFIG}`],
      // Pods that run go by its name when they are started anew: another password is to be theirs as well.
      options: { disableNameSuffixHash: true, labels: { "app.kubernetes.io/name": "wharf" } },
    },
  ],
  patches: [
    patch("Deployment|StatefulSet", { template: { spec: { imagePullSecrets } } }),
    patch("Pod", { imagePullSecrets }),
  ],
};

function patch(kind: string, spec: object): object {
  // What it says of itself is not looked at.
  const text = stringify({ apiVersion: "v1", kind: "Any", metadata: { name: "any" }, spec });
  return { target: { kind }, patch: text };
}
