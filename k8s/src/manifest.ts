/** An object as it is applied. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

/** A container, as far as the tests look at it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly command?: readonly string[];
  readonly ports?: readonly { name: string; containerPort: number }[];
  readonly env?: readonly {
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef: { name: string; key: string } };
  }[];
  readonly envFrom?: readonly { configMapRef: { name: string } }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: object;
  readonly resources?: { readonly requests?: Resources; readonly limits?: Resources };
  readonly securityContext?: object;
  readonly volumeMounts?: readonly { name: string; mountPath: string }[];
}

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

export type Resources = Readonly<Record<string, string>>;

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: object;
  readonly affinity?: object;
  readonly topologySpreadConstraints?: readonly object[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[];
}

/**
 * The object of a kind and name.
 *
 * @throws an Error when there is none
 */
export function find(objects: readonly Manifest[], kind: string, name = "wharf"): Manifest {
  const found = objects.find(
    (object) => object.kind === kind && object.metadata.name.replace(/-[a-z0-9]{10}$/, "") === name,
  );
  if (found === undefined) throw new Error(`There is no ${kind} ${name}.`);
  return found;
}

/** The Pod that an object is or makes; undefined for one that has nothing to do with Pods. */
export function podOf({ kind, spec }: Manifest): PodSpec | undefined {
  if (kind === "Pod") return spec as PodSpec;
  if (kind !== "Deployment" && kind !== "StatefulSet") return undefined;
  return (spec as { template: { spec: PodSpec } }).template.spec;
}

/** The Pod with both services. */
export function wharfPod(objects: readonly Manifest[]): PodSpec {
  const pod = objects.map(podOf).find((each) => each?.containers[0]?.name === "fileserver");
  if (pod === undefined) throw new Error("There is no Pod with both services.");
  return pod;
}

/** The variables a container is given: its ConfigMap's, then its own, secrets by their reference. */
export function environmentOf(
  objects: readonly Manifest[],
  { env = [], envFrom = [] }: Container,
): Record<string, string> {
  const shared = envFrom.map(({ configMapRef: { name } }) => {
    const map = objects.find((object) => object.kind === "ConfigMap" && object.metadata.name === name);
    if (map === undefined) throw new Error(`There is no ConfigMap ${name}.`);
    return map.data ?? {};
  });
  const own = env.map(
    ({ name, value, valueFrom }) => [name, value ?? secret(objects, valueFrom?.secretKeyRef)] as const,
  );
  const given: Record<string, string> = Object.assign({}, ...shared, Object.fromEntries(own)) as Record<
    string,
    string
  >;
  // kubelet replaces what was given before.
  for (const [name, value] of Object.entries(given)) {
    given[name] = value.replace(/\$\((\w+)\)/g, (whole, other: string) => given[other] ?? whole);
  }
  return given;
}

function secret(objects: readonly Manifest[], reference: { name: string; key: string } | undefined): string {
  const found = objects.find(({ kind, metadata }) => kind === "Secret" && metadata.name === reference?.name);
  const value = found?.data?.[reference?.key ?? ""];
  if (value === undefined) throw new Error(`There is no Secret ${reference?.name} with a ${reference?.key}.`);
  return Buffer.from(value, "base64").toString();
}
