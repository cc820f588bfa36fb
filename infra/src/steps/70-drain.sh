#!/bin/sh
# Takes the node NAME out of the cluster: its Pods move away in good order, for at most WAIT seconds, unless FORCE=yes.
main() {
  api_answers 30 || fail "the control plane does not answer" "see 'pnpm cluster status'"
  found=$(kubectl get node "$NAME" --ignore-not-found -o name)
  if [ -z "$found" ]; then return; fi
  changed "$NAME drained and removed from the cluster"
  if is_dry; then return; fi
  kubectl cordon "$NAME" >&2
  command kubectl drain "$NAME" --ignore-daemonsets --delete-emptydir-data --force --timeout="${WAIT}s" >&2 ||
    [ "$FORCE" = yes ] ||
    fail "not every Pod could leave $NAME in $WAIT s" "see above which one: a PodDisruptionBudget may hold it, or there is no room elsewhere; --force removes the node nonetheless"
  kubectl delete node "$NAME" >&2
}

main "$@"
