import type { Kubectl } from "../kubernetes/kubectl.ts";
import type {
  Autoscaler,
  KubernetesNode,
  List,
  NodeMetrics,
  Pod,
  Service,
  Workload,
} from "../kubernetes/objects.ts";
import type { Node } from "../node/node.ts";

/** What the cluster answers to everything that its state is judged by. What could not be asked is undefined. */
export interface Answers {
  readonly nodes: List<KubernetesNode>;
  readonly metrics: List<NodeMetrics> | undefined;
  /** `/readyz?verbose` of the API server; also when it is not ready. */
  readonly readyz: string;
  /** What `kubeadm certs check-expiration` prints. */
  readonly certificates: string | undefined;
  /** Deployments, DaemonSets and StatefulSets of all namespaces. */
  readonly workloads: List<Workload>;
  readonly pods: List<Pod>;
  readonly services: List<Service>;
  readonly autoscalers: List<Autoscaler>;
}

/** @throws {NodeCommandError} when the API server does not answer; what else is missing is left undefined */
export async function gather(
  kubectl: Kubectl,
  controlPlane: Node,
  namespace: string,
  signal: AbortSignal,
): Promise<Answers> {
  const get = async <T>(...args: string[]) =>
    await kubectl.json<T>(["get", ...args, "-o", "json", "--request-timeout=15s"], { signal });
  const maybe = async <T>(answer: Promise<T>) =>
    await answer.catch(() => (signal.throwIfAborted(), undefined));
  // First alone: when there is no cluster, one message says so.
  const nodes = await get<List<KubernetesNode>>("nodes");
  const [metrics, readyz, certificates, workloads, pods, services, autoscalers] = await Promise.all([
    maybe(
      kubectl.json<List<NodeMetrics>>(["get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"], { signal }),
    ),
    kubectl.run(["get", "--raw", "/readyz?verbose"], { signal }).then(
      ({ stdout }) => stdout,
      (error: Error) => error.message,
    ),
    maybe(controlPlane.run("kubeadm certs check-expiration 2> /dev/null", { step: "certificates", signal })),
    get<List<Workload>>("deployments,daemonsets,statefulsets", "--all-namespaces"),
    get<List<Pod>>("pods", "--namespace", namespace),
    get<List<Service>>("services", "--namespace", namespace),
    get<List<Autoscaler>>("horizontalpodautoscalers.v2.autoscaling", "--namespace", namespace),
  ]);
  return {
    nodes,
    metrics,
    readyz,
    certificates: certificates?.stdout,
    workloads,
    pods,
    services,
    autoscalers,
  };
}
