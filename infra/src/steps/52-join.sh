#!/bin/sh
# kubeadm join with CONFIG, where @TOKEN@ stands for TOKEN. IS_KNOWN says whether the control plane has this node, CA is its authority's certificate.
# What this tool began here, or joined to a control plane that is no more, is undone first.
is_member() {
  [ -s /etc/kubernetes/kubelet.conf ] && [ ! -e /etc/kubernetes/bootstrap-kubelet.conf ] && [ "$IS_KNOWN" = yes ] &&
    [ "$(authority)" = "$CA" ]
}

main() {
  if is_member; then return; fi
  if [ -n "$(member_trace)" ]; then
    changed "a half-made member undone"
    is_dry || undo_kubeadm
  fi
  changed "joined to $ENDPOINT"
  if is_dry; then return; fi
  (umask 077 && echo "${CONFIG%%@TOKEN@*}$TOKEN${CONFIG#*@TOKEN@}" > "$WORK/join.yaml")
  echo "$CA" > "$NOTE"
  sync
  kubeadm join --config "$WORK/join.yaml" >&2
}

main "$@"
