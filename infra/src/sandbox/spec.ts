import { ClusterError, UsageError } from "../errors.ts";

/** Everything the sandbox makes carries this label, with the sandbox's name. */
export const LABEL = "wharf.sandbox";

/** What a sandbox is made from. */
export interface SandboxSpec {
  /** Its containers are called `<name>-master` and so on, its network `<name>`. */
  readonly name: string;
  /** The first three numbers of its addresses: `172.30.52`. */
  readonly subnet: string;
  /** The folder that its mirror serves, absolute. With one, no machine of it reaches anything else. */
  readonly artefacts: string | undefined;
}

/** A container that plays a machine. */
export interface Machine {
  readonly container: string;
  /** Its host name. */
  readonly host: string;
  readonly address: string;
  readonly kind: "node" | "mirror";
}

/** The sandbox cannot be made on this machine, or is not as it was asked for. */
export class SandboxError extends ClusterError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super("SANDBOX_FAILED", message, { hint, ...options });
  }
}

/** The machines of a sandbox, in the order that they are started. */
export function machinesOf({ name, subnet }: Pick<SandboxSpec, "name" | "subnet">): readonly Machine[] {
  return [
    { container: `${name}-mirror`, host: "mirror", address: `${subnet}.2`, kind: "mirror" },
    { container: `${name}-master`, host: "k8s-master", address: `${subnet}.11`, kind: "node" },
    { container: `${name}-worker`, host: "k8s-worker", address: `${subnet}.12`, kind: "node" },
  ];
}

/** @throws {UsageError} for a name that Docker or DNS would not take */
export function checkName(name: string): string {
  if (/^[a-z][a-z0-9-]{0,30}$/.test(name)) return name;
  throw new UsageError(`--name ${name}: use small letters, digits and hyphens, a letter first, 31 at most`);
}

/** @throws {UsageError} for what is not the first three numbers of a private address */
export function checkSubnet(subnet: string): string {
  const numbers = subnet.split(".").map((one) => (/^\d{1,3}$/.test(one) ? Number(one) : 256));
  const [a = 0, b = 0] = numbers;
  const isPrivate = a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168);
  if (numbers.length === 3 && numbers.every((one) => one < 256) && isPrivate) return subnet;
  throw new UsageError(`--subnet ${subnet}: the first three numbers of a private network, such as 172.30.52`);
}
