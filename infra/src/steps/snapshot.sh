#!/bin/sh
# snapshot FOLDER writes down what a machine has, a file for each kind, so that two of them can be compared.
snapshot() {
  mkdir -p "$1"
  # What other programs write all the time, and this tool's own, would only be noise.
  # The three that may be file systems of their own are named.
  find /etc /opt /usr/local /var/lib /var/log /root /usr/libexec/kubernetes /var/lib/containerd /var/lib/kubelet \
    /var/lib/etcd -xdev \
    \( -path "/var/lib/wharf-cluster*" -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/systemd \
    -o -path /var/log/journal -o -path /var/lib/ucf -o -path /etc/ssl/certs \) -prune \
    -o \( -type f -o -type l -o -type d \) -print 2> /dev/null | sort -u > "$1/files"
  find /etc -xdev -type f ! -path '/etc/ssl/certs/*' ! -name mtab ! -name ld.so.cache -exec sha256sum {} + |
    sort -k 2 > "$1/contents"
  systemctl list-unit-files --no-legend --no-pager 2> /dev/null | awk '{ print $1, $2 }' | sort > "$1/units"
  dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\n' | sort > "$1/packages"
  apt-mark showhold | sort > "$1/held"
  # Only the families that kubeadm, kubelet, kube-proxy and CNI plugins write to; a device's own go with the device.
  sysctl -a 2> /dev/null | grep -E "$sysctl_families" | grep -Ev "$sysctl_devices" | sort > "$1/sysctls"
  for table in iptables ip6tables; do
    # Rules and chains of people's own: tables that exist but are empty do nothing.
    if command -v $table-save > /dev/null; then $table-save 2> /dev/null | grep -E '^-A|^:[^ ]+ - ' | cut -d '[' -f 1; fi
  done | sort > "$1/iptables"
  ip -o link show | awk -F ': ' '{ print $2 }' | sed 's/@.*//' | sort > "$1/devices"
  awk 'NR > 1 { print $1 }' /proc/swaps | sort > "$1/swaps"
  lsmod 2> /dev/null | awk 'NR > 1 { print $1 }' | sort > "$1/modules"
  hostname > "$1/hostname"
}
sysctl_families='^(net\.bridge\.bridge-nf-call-|net\.ipv[46]\.(ip_forward|conf\.(all|default)\.(forwarding|route_localnet|rp_filter)) |vm\.overcommit_memory|vm\.panic_on_oom|kernel\.panic|kernel\.keys\.root_max|net\.netfilter\.nf_conntrack_(max|tcp_timeout|tcp_be_liberal))'
sysctl_devices='^net\.ipv[46]\.(conf|neigh)\.(cni0|flannel|veth)'
