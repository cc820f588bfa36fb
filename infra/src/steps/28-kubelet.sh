#!/bin/sh
# What kubelet is told on this node alone: EXTRA_ARGS, if anything.
main() {
  # Until the node is a member kubelet only waits to be configured: kubeadm starts it then.
  [ -e /var/lib/kubelet/config.yaml ] || unset RESTARTS
  [ -z "${EXTRA_ARGS:-}" ] || echo "KUBELET_EXTRA_ARGS=$EXTRA_ARGS" | put /etc/default/kubelet 644
  [ -z "${RESTARTS:-}" ] || serve "$RESTARTS"
}

main "$@"
