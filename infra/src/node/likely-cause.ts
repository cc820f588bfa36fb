/** What an operator should look at first, by what a failed command wrote. The first that matches is told. */
const CAUSES: readonly [RegExp, string][] = [
  [
    /no space left on device|not enough free space|you don't have enough free space/i,
    "The node's disk is full: `df -h` there shows which file system. Free some space, then run the same command again.",
  ],
  [
    /could not get lock|dpkg frontend lock|is another process using it/i,
    "Another program is installing packages on the node, perhaps unattended-upgrades: wait until it is done.",
  ],
  [
    /dpkg was interrupted/i,
    "An installation was cut off: `dpkg --configure -a` on the node mends it, then run the same command again.",
  ],
  [
    /could not resolve|temporary failure (?:in name resolution|resolving)|name or service not known|no such host/i,
    "The node cannot resolve a name: see /etc/resolv.conf there, and the addresses under `sources` in the inventory.",
  ],
  [
    /certificate (?:is not yet valid|has expired)|not live until|release file .* is not valid yet/i,
    "The node's clock is probably wrong: `timedatectl` there shows it. `pnpm cluster doctor` compares the clocks.",
  ],
  [
    /certificate signed by unknown authority|unable to get local issuer|self-signed certificate/i,
    "A server's certificate is not trusted by the node: name its certificate authority in `sources.ca`.",
  ],
  [
    /\b(?:401|403)\b.*(?:unauthorized|forbidden)|returned error: 40[13]|authentication required/i,
    "A download site wants other credentials: see `sources.credentials` in the inventory.",
  ],
  [
    /returned error: 404|404\s+not found|manifest unknown|not found: manifest/i,
    "A download site does not have that version: see `sources` and `parts` in the inventory, and the profile.",
  ],
  [
    /connection refused|failed to connect|connection timed out|no route to host|network is unreachable|i\/o timeout/i,
    "Something the node needs to reach does not answer: its name is in the output above. `pnpm cluster doctor` tries all of them.",
  ],
  [
    /modprobe: fatal: module (\S+) not found/i,
    "The node's kernel lacks a module that Kubernetes needs: install the distribution's own kernel, and restart the node.",
  ],
  [
    /running with swap on is not supported|swap is enabled/i,
    "Swap is on: `swapoff -a` on the node, and take it out of /etc/fstab.",
  ],
  [
    /port[ -]\d+[ -]is in use|address already in use/i,
    "Another program has a port that Kubernetes needs: `ss -ltnp` on the node shows which. Or the node is of another cluster: `pnpm cluster reset`.",
  ],
  [
    /number of available cpus|the system ram/i,
    "The node is too small: Kubernetes' control plane wants at least 2 cores and 1700 MB of memory.",
  ],
  [
    /cgroup ?v1|cgroups? version 1/i,
    "The node has cgroup version 1, which this release of Kubernetes refuses: `pnpm cluster doctor` says more.",
  ],
  [/exec format error/i, "A program was made for another architecture than the node's."],
  [
    /permission denied|operation not permitted/i,
    "The node refused that to root: it may be a container, or mounted read-only.",
  ],
  [
    /out of memory|cannot allocate memory|\bkilled\b/i,
    "The node may be out of memory: `free -m` and `dmesg` there.",
  ],
];

/** Why ssh could not log in, by what it wrote. */
const LOGIN_CAUSES: readonly [RegExp, string][] = [
  [
    /host key verification failed|remote host identification has changed/i,
    "The machine at this address has another host key than before. If it was set up anew, remove its line from known_hosts in the state folder.",
  ],
  [
    /sudo: .*(?:password|terminal)/i,
    "The user is not root and may not become root without a password: log in as root, or add `USER ALL=(ALL) NOPASSWD: ALL` to a file in /etc/sudoers.d.",
  ],
  [
    /not in the sudoers file|sudo: not found|sudo.*command not found/i,
    "The user is not root and may not become root: see sudo on the node.",
  ],
  [
    /permission denied|too many authentication failures/i,
    "The node does not take this user or key: see `ssh` in the inventory, and ~/.ssh/authorized_keys of that user on the node. A key with a passphrase must be in an SSH agent.",
  ],
  [/connection refused/i, "Nothing listens there: is sshd running, and is the port right?"],
  [
    /timed out|no route to host|network is unreachable|operation timed out/i,
    "Nothing answers there: is the address right, the machine on, and the port open in its firewall?",
  ],
  [/could not resolve hostname/i, "The address cannot be resolved on this machine."],
  [/bad permissions|unprotected private key/i, "The key's file may be read by others: `chmod 600` it."],
  [/enoent/i, "There is no ssh on this machine: install the OpenSSH client."],
];

/** What probably made a command fail, with what to do. */
export function likelyCause(output: string): string | undefined {
  return CAUSES.find(([pattern]) => pattern.test(output))?.[1];
}

/** What probably made a login fail, with what to do. */
export function likelyLoginCause(output: string): string | undefined {
  return LOGIN_CAUSES.find(([pattern]) => pattern.test(output))?.[1];
}
