import type { SshSpec } from "../inventory/inventory.ts";

/** Where a node is and how it is logged in to. */
export interface SshTarget {
  readonly name: string;
  readonly address: string;
  readonly ssh: SshSpec;
}

/** The command that logs in to a node as an operator would; a command may follow it. */
export function loginCommand(target: SshTarget, knownHosts: string): readonly ["ssh", ...string[]] {
  const { user, port, key, host = target.address } = target.ssh;
  return [
    "ssh",
    ...option("StrictHostKeyChecking", "accept-new"),
    ...option("UserKnownHostsFile", knownHosts),
    // Hashed names would keep an operator from finding the line of a machine that was set up anew.
    ...option("HashKnownHosts", "no"),
    ...(key === undefined ? [] : ["-i", key, ...option("IdentitiesOnly", "yes")]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    user === undefined ? host : `${user}@${host}`,
  ];
}

/** The same for this program: nobody is asked, and a connection that is dead is noticed within 15 seconds. */
export function batchLogin(
  target: SshTarget,
  knownHosts: string,
  socket: string,
  isMaster: boolean,
): string[] {
  const [, ...words] = loginCommand(target, knownHosts);
  const destination = words.pop() ?? "";
  return [
    ...words,
    "-T",
    ...option("BatchMode", "yes"),
    ...option("ConnectTimeout", "10"),
    ...option("ServerAliveInterval", "5"),
    ...option("ServerAliveCountMax", "3"),
    ...option("ControlPath", socket),
    ...option("ControlMaster", isMaster ? "yes" : "no"),
    // When the master is gone a command must fail, and not make a connection of its own that nobody watches over.
    ...(isMaster ? [] : option("ProxyCommand", "false")),
    // Ours to end: the master must not stay behind.
    ...option("ControlPersist", "no"),
    ...option("LogLevel", "ERROR"),
    // Of the operator's own configuration only what leads to the node is wanted.
    ...option("RemoteCommand", "none"),
    ...option("ClearAllForwardings", "yes"),
    destination,
  ];
}

/**
 * What is run at the other end: as root, the shell program that comes first on standard input, of that many bytes. So
 * nothing of it stands on a command line, where any user of the node could read it.
 */
export function remoteCommand(bytes: number): string {
  const asRoot = String.raw`if [ "$(id -u)" -eq 0 ]; then exec sh -c "$1"; fi; exec sudo -n -- sh -c "$1"`;
  return `exec sh -c '${asRoot}' sh 'eval "$(head -c ${bytes})"'`;
}

function option(name: string, value: string): [string, string] {
  // ssh splits a value at spaces, and expands percent signs in paths.
  const isPath = name === "UserKnownHostsFile" || name === "ControlPath";
  return ["-o", isPath ? `${name}="${value.replaceAll("%", "%%")}"` : `${name}=${value}`];
}
