#!/bin/sh
# What kubelet is told on this node alone: EXTRA_ARGS, if anything.
main() {
  [ -z "${EXTRA_ARGS:-}" ] || echo "KUBELET_EXTRA_ARGS=$EXTRA_ARGS" | put /etc/default/kubelet 644
  # Until the node is a member kubelet only waits to be configured: kubeadm starts it.
  [ ! -e /var/lib/kubelet/config.yaml ] || serve kubelet
}

main "$@"
