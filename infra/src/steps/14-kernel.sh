#!/bin/sh
# Kernel modules and settings, now and at boot: Pods' packets cross a bridge and must meet iptables, and be forwarded.
settings="net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.ipv4.ip_forward"

load() { # MODULE, and a path that is there when it is loaded or built in
  if [ -e "$2" ] || grep -qw "$1" /proc/filesystems; then return; fi
  changed "kernel module $1"
  if is_dry; then return; fi
  modprobe "$1" >&2 || fail "the kernel $(uname -r) has no module $1" \
    "install the package linux-modules-extra-$(uname -r) if there is one, or restart into the kernel that is installed"
}

main() {
  load overlay /sys/module/overlay
  load br_netfilter /proc/sys/net/bridge
  put /etc/modules-load.d/k8s.conf 644 << EOF
overlay
br_netfilter
EOF
  for setting in $settings; do echo "$setting = 1"; done | put /etc/sysctl.d/k8s.conf 644
  for setting in $settings; do
    if [ "$(sysctl -n "$setting" 2> /dev/null)" = 1 ]; then continue; fi
    changed "$setting = 1"
    if is_dry; then continue; fi
    sysctl -qw "$setting=1" >&2 || fail "the kernel does not take $setting = 1" \
      "see whether the machine is a container that may not set it"
  done
}

main "$@"
