#!/bin/sh
# kubeadm join with CONFIG, where @TOKEN@ stands for TOKEN. IS_KNOWN says whether the control plane has this node, CA is its authority's certificate.
# A member of another cluster, or one that came half-way, is undone first.
is_member() {
  [ -s /etc/kubernetes/kubelet.conf ] && [ ! -e /etc/kubernetes/bootstrap-kubelet.conf ] && [ "$IS_KNOWN" = yes ] &&
    [ "$(grep -v -- ----- /etc/kubernetes/pki/ca.crt | tr -d '\r\n ')" = "$CA" ]
}

main() {
  if is_member; then return; fi
  for left in /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/pki/ca.crt /var/lib/kubelet/config.yaml; do
    [ -e "$left" ] || continue
    changed "a half-made member undone"
    is_dry || undo_kubeadm
    break
  done
  changed "joined to $ENDPOINT"
  if is_dry; then return; fi
  (umask 077 && echo "${CONFIG%%@TOKEN@*}$TOKEN${CONFIG#*@TOKEN@}" > "$WORK/join.yaml")
  kubeadm join --config "$WORK/join.yaml" >&2
}

main "$@"
