#!/bin/sh
# What kubeadm, and the network that Pods had, leave on a node, and how it goes.
undo_kubeadm() {
  # Where no etcd was made here, kubeadm would empty the folder of another one.
  set -- --force --cri-socket unix:///run/containerd/containerd.sock
  [ -e /etc/kubernetes/manifests/etcd.yaml ] || set -- "$@" --skip-phases remove-etcd-member
  kubeadm reset "$@" >&2
  # The folder itself stays: containerd watches it, and would not see another one in its place.
  [ ! -d /etc/cni/net.d ] || find /etc/cni/net.d -mindepth 1 -delete
  for link in cni0 flannel.1 flannel-v6.1; do
    ! ip link show "$link" > /dev/null 2>&1 || ip link delete "$link"
  done
  rm -rf /var/lib/cni /run/flannel /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf
  remove_rules iptables
  remove_rules ip6tables
  if command -v ipvsadm > /dev/null; then ipvsadm --clear; fi
  rm -f "$NOTE" "$BEGUN"
}

# Only rules and chains of kube-proxy, kubelet, flannel and the CNI plugins: others stay as they are, with their counts.
remove_rules() { # iptables | ip6tables
  command -v "$1-save" > /dev/null || return 0
  "$1-save" -c > "$WORK/rules" 2> /dev/null || return 0
  if ! grep -qE '(KUBE|FLANNEL|CNI)-' "$WORK/rules"; then return 0; fi
  grep -vE '(KUBE|FLANNEL|CNI)-' "$WORK/rules" > "$WORK/kept"
  "$1-restore" -c < "$WORK/kept"
}
