#!/bin/sh
# kubeadm init with CONFIG, unless there is a control plane, which may take PATIENCE seconds to answer. `begun` is there
# from before kubeadm starts until it has ended well: only with it, and with no whole control plane, is what is found
# taken for half-made and undone.
begun=$STATE/kubeadm-init-begun
file=$STATE/kubeadm.yaml

is_whole() {
  [ -s /etc/kubernetes/admin.conf ] && [ -s /etc/kubernetes/kubelet.conf ] && api_answers "$PATIENCE" &&
    kubectl -n kube-system get configmap/kubeadm-config configmap/kubelet-config deployment/coredns daemonset/kube-proxy > /dev/null
}

init() {
  (umask 077 && echo "$CONFIG" > "$file")
  kubeadm config validate --config "$file" >&2 || fail "kubeadm does not accept its configuration" "see $file on the node"
  : > "$begun"
  sync
  kubeadm init --config "$file" --skip-token-print >&2
  rm -f "$begun"
}

main() {
  if [ -e "$begun" ]; then
    if is_whole; then
      is_dry || rm -f "$begun"
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
  elif [ -n "$(ls -A /etc/kubernetes/manifests 2> /dev/null)" ]; then
    fail "another kubeadm init left its parts in /etc/kubernetes" "if nothing there is needed: kubeadm reset, on the node"
  fi
  changed "control plane of Kubernetes $VERSION"
  is_dry || init
}

main "$@"
