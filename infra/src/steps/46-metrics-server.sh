#!/bin/sh
# metrics-server from IMAGE. kubelets' certificates are their own here, signed by nobody: they are not asked about.
main() {
  if [ ! -e "$MANIFEST" ]; then # in a dry run
    changed "metrics-server $VERSION"
    return
  fi
  sed -e "s#^\( *image:\).*#\1 $IMAGE#" \
    -e 's/^\( *\)- --metric-resolution=.*/&\n\1- --kubelet-insecure-tls/' "$MANIFEST" > "$WORK/metrics-server.yml"
  grep -q -- --kubelet-insecure-tls "$WORK/metrics-server.yml" ||
    fail "$MANIFEST has no arguments to add to" "look at the version and source of metrics-server in the inventory"
  apply "metrics-server $VERSION" "$WORK/metrics-server.yml"
}

main "$@"
