#!/bin/sh
# kubeadm init with CONFIG, unless there is a control plane, which may take PATIENCE seconds to answer. Only what kubeadm
# has begun here, and is no whole control plane, is taken for half-made and undone.
file=$STATE/kubeadm.yaml

is_whole() {
  [ -s /etc/kubernetes/admin.conf ] && [ -s /etc/kubernetes/kubelet.conf ] && api_answers "$PATIENCE" &&
    kubectl -n kube-system get configmap/kubeadm-config configmap/kubelet-config deployment/coredns daemonset/kube-proxy > /dev/null
}

init() {
  (umask 077 && echo "$CONFIG" > "$file")
  kubeadm config validate --config "$file" >&2 || fail "kubeadm does not accept its configuration" "see $file on the node"
  # Before anything is changed: what it finds is nothing of ours, to be undone.
  kubeadm init phase preflight --config "$file" >&2
  : > "$BEGUN"
  sync
  kubeadm init --config "$file" --skip-phases preflight --skip-token-print >&2
  have
}

have() {
  authority > "$NOTE"
  rm -f "$BEGUN"
}

main() {
  if [ -e "$BEGUN" ]; then
    if is_whole; then
      is_dry || have
      return
    fi
    if [ "$(kubectl get nodes -o name 2> /dev/null | wc -l)" -gt 1 ]; then
      fail "the control plane is incomplete, and has other nodes" "look at it by hand: 'kubeadm init phase --help'"
    fi
    changed "a half-made control plane undone"
    is_dry || undo_kubeadm
  elif [ -s /etc/kubernetes/admin.conf ]; then
    if api_answers "$PATIENCE"; then return; fi
    crictl ps -a >&2 || :
    fail "the control plane is there, and does not answer" "see on the node: journalctl -u kubelet, and crictl logs of what ended; 'reset' begins anew, and loses all that is in it"
  fi
  changed "control plane of Kubernetes $VERSION"
  is_dry || init
}

main "$@"
