#!/bin/sh
# Waits until NODES are ready, DNS, network and metrics run, and metrics are there for every node. Seconds: at most WAIT.
in_time() {
  left=$((end - $(date +%s)))
  # Of 0 or less kubectl would make "for ever", or an error of its own.
  command kubectl "$@" --timeout="$((left > 0 ? left : 1))s" >&2 || explain "$*"
}

explain() { # WHAT
  kubectl get nodes,pods -A -o wide >&2 || :
  # Full disks and missing networks are told as taints.
  kubectl get nodes -o custom-columns='NODE:.metadata.name,TAINTS:.spec.taints[*].key' >&2 || :
  kubectl get events -A --field-selector type=Warning --sort-by .lastTimestamp 2> /dev/null | tail -n 15 >&2
  fail "after $WAIT s the cluster is not ready: $1" "the Pods and warnings above say what it waits for; run it again to wait on"
}

main() {
  end=$(($(date +%s) + WAIT))
  # shellcheck disable=SC2086 # names, each a word
  in_time wait --for=condition=Ready node $NODES
  in_time -n kube-system rollout status deployment/coredns
  in_time -n kube-flannel rollout status daemonset/kube-flannel-ds
  in_time -n kube-system rollout status deployment/metrics-server
  in_time wait --for=condition=Available apiservice/v1beta1.metrics.k8s.io
  for node in $NODES; do
    until kubectl get --raw "/apis/metrics.k8s.io/v1beta1/nodes/$node" > /dev/null 2>&1; do
      [ "$(date +%s)" -lt "$end" ] || explain "no metrics of $node"
      sleep 1
    done
  done
}

main "$@"
