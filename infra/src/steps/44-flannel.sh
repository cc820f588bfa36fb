#!/bin/sh
# flannel, with the range PODS for its network. Nodes reach each other by the addresses that the inventory has, which are
# kubelet's: by itself flannel takes the device of the default route, on many rented servers the public one.
main() {
  if [ ! -e "$MANIFEST" ]; then # in a dry run
    changed "flannel $VERSION"
    return
  fi
  # shellcheck disable=SC2016 # kubelet puts its value there
  sed -e "s#\"Network\": *\"[^\"]*\"#\"Network\": \"$PODS\"#" \
    -e 's/^\( *\)- --kube-subnet-mgr$/&\n\1- --iface=$(HOST_IP)/' \
    -e 's/^\( *\)- name: POD_NAMESPACE$/\1- name: HOST_IP\n\1  valueFrom: {fieldRef: {fieldPath: status.hostIP}}\n&/' \
    "$MANIFEST" > "$WORK/flannel.yml"
  for needed in "\"Network\": \"$PODS\"" "--iface=" "name: HOST_IP"; do
    grep -qF -e "$needed" "$WORK/flannel.yml" ||
      fail "$MANIFEST has no place for $needed" "look at the version and source of flannel in the inventory"
  done
  apply "flannel $VERSION" "$WORK/flannel.yml"
}

main "$@"
