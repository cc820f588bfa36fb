#!/bin/sh
# flannel, with the range PODS for its network.
main() {
  if [ ! -e "$MANIFEST" ]; then # in a dry run
    changed "flannel $VERSION"
    return
  fi
  sed "s#\"Network\": *\"[^\"]*\"#\"Network\": \"$PODS\"#" "$MANIFEST" > "$WORK/flannel.yml"
  grep -qF "\"Network\": \"$PODS\"" "$WORK/flannel.yml" ||
    fail "$MANIFEST has no network to be set" "look at the version and source of flannel in the inventory"
  apply "flannel $VERSION" "$WORK/flannel.yml"
}

main "$@"
