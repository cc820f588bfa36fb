#!/bin/sh
# The control plane forgets the node NAME, which is about to join anew: kubeadm does not join under a name that is Ready.
main() {
  kubectl delete node "$NAME" --ignore-not-found >&2
}

main "$@"
