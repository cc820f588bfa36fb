#!/bin/sh
# What already runs on this machine, and what belongs to whom: a line for each fact, its columns separated by tabs.
# Changes nothing.
set -u

# "tcp 6443 kube-apiserver": sockets of the kernel's own (VXLAN) have no process.
ports() {
  if ! command -v ss > /dev/null; then
    printf 'no-program\tss\tiproute2\n'
    return
  fi
  ss -Hltnup | awk '{
    port = $5; sub(/.*:/, "", port)
    process = $0; if (!sub(/.*users:\(\("/, "", process)) process = ""; sub(/".*/, "", process)
    print "port\t" $1 "\t" port "\t" process
  }' | sort -u
}

# Who holds the locks that apt and dpkg take, as the kernel has it.
package_manager() {
  for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock; do
    [ -e $lock ] || continue
    holder=$(awk -v inode=":$(stat -c %i $lock)\$" '$6 ~ inode {print $5; exit}' /proc/locks)
    [ -z "$holder" ] || printf 'apt-lock\t%s\t%s\t%s\n' $lock "$holder" "$(cat "/proc/$holder/comm" 2> /dev/null)"
  done
  dpkg --audit 2> /dev/null | awk 'NF {print "dpkg-broken\t" $0; exit}'
}

main() {
  ports
  package_manager
  dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\n' containerd containerd.io docker.io docker-ce cri-o \
    2> /dev/null | awk -F'\t' '$1 == "installed" {print "package\t" $2 "\t" $3}'
  if [ -e /etc/kubernetes/kubelet.conf ]; then
    awk '$1 == "server:" {print "joined\t" $2; exit}' /etc/kubernetes/kubelet.conf
  fi
  for unit in firewalld containerd; do
    [ "$(systemctl is-active $unit 2> /dev/null)" != active ] || printf 'unit\t%s\n' $unit
  done
  # Its unit is active though it is off.
  if grep -qi "^ENABLED=[\"']*yes" /etc/ufw/ufw.conf 2> /dev/null; then printf 'unit\tufw\n'; fi
  for file in /etc/cni/net.d/*; do
    [ ! -f "$file" ] || printf 'cni\t%s\n' "$file"
  done
}

main "$@"
