#!/bin/sh
# What kind of machine this is: a line for each fact, its columns separated by tabs. Changes nothing.
set -u

fact() {
  name=$1
  shift
  printf '%s' "$name"
  printf '\t%s' "$@"
  echo
}

# The kernel has it, can load it, or says in its configuration that it is able to.
has_module() {
  [ -e "/sys/module/$1" ] || modprobe -n -q "$1" 2> /dev/null || { [ "$1" = overlay ] && grep -qw overlay /proc/filesystems; } ||
    { [ "$1" = br_netfilter ] && [ -e /proc/sys/net/bridge ]; }
}

main() {
  # shellcheck disable=SC1091 # the machine's own
  . /etc/os-release
  fact os "${ID:-}" "${ID_LIKE:-}" "${PRETTY_NAME:-}"
  fact init "$(cat /proc/1/comm)"
  fact architecture "$(dpkg --print-architecture 2> /dev/null || uname -m)"
  fact kernel "$(uname -r)"
  fact cgroup "$(stat -fc %T /sys/fs/cgroup)"
  fact cores "$(nproc)"
  fact memory "$(awk '/^MemTotal/ {print $2}' /proc/meminfo)"
  awk 'NR > 1 {print "swap\t" $1 "\t" $3}' /proc/swaps
  fact hostname "$(uname -n)"
  fact machine-id "$(cat /etc/machine-id 2> /dev/null)"
  fact product "$(cat /sys/class/dmi/id/product_uuid 2> /dev/null)"
  for link in /sys/class/net/*; do
    case ${link##*/} in
      lo | cni* | flannel* | veth* | docker* | br-* | virbr*) continue ;;
    esac
    # Ethernet: tunnels, even unused ones, are other types and have the same address everywhere.
    [ "$(cat "$link/type" 2> /dev/null)" = 1 ] || continue
    fact mac "${link##*/}" "$(cat "$link/address" 2> /dev/null)"
  done
  for module in overlay br_netfilter vxlan; do
    if has_module $module; then fact module $module yes; else fact module $module no; fi
  done
  for folder in /var/lib/containerd /var/lib/kubelet /var/lib/etcd /usr/local; do
    place=$folder
    until [ -e "$place" ]; do place=$(dirname "$place"); done
    df -Pk "$place" | awk -v folder=$folder 'NR == 2 {print "disk\t" folder "\t" $2 "\t" $4 "\t" $1 "\t" $6}'
  done
}

main "$@"
