#!/bin/sh
# The control plane's label, and kubectl for root on this node.
main() {
  if ! kubectl get node "$NAME" -o jsonpath='{.metadata.labels}' 2> /dev/null | grep -q '"node-role.kubernetes.io/master"'; then
    changed "label node-role.kubernetes.io/master on $NAME"
    is_dry || kubectl label node "$NAME" node-role.kubernetes.io/master= --overwrite >&2
  fi
  if [ ! -e /root/.kube/config ]; then
    changed "/root/.kube/config"
    is_dry || { mkdir -p /root/.kube && ln -sf "$KUBECONFIG" /root/.kube/config; }
  fi
}

main "$@"
