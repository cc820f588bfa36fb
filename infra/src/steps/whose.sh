#!/bin/sh
# Whose cluster a node is a member of. The note has the authority of the one that this tool made here, or let this node
# join, and is there before kubeadm begins: only what it speaks of is undone.
NOTE=$STATE/ca
BEGUN=$STATE/kubeadm-init-begun # until kubeadm init has ended well; there is no authority before it

authority() { # its certificate, without the frame
  [ ! -e /etc/kubernetes/pki/ca.crt ] || grep -v -- ----- /etc/kubernetes/pki/ca.crt | tr -d '\r\n '
}

# The first trace of a member, or of one that came half-way.
member_trace() {
  for trace in /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/admin.conf \
    /etc/kubernetes/pki/ca.crt /etc/kubernetes/manifests/etcd.yaml /var/lib/kubelet/config.yaml; do
    if [ -s "$trace" ]; then echo "$trace" && return; fi
  done
}

is_ours() {
  [ -n "$(member_trace)" ] || return 0
  [ ! -e "$BEGUN" ] || return 0
  [ -e "$NOTE" ] || return 1
  [ -z "$(authority)" ] || [ "$(authority)" = "$(cat "$NOTE")" ]
}

foreign_cluster() { # in words
  server=$(cat /etc/kubernetes/kubelet.conf /etc/kubernetes/admin.conf 2> /dev/null | sed -n 's/^ *server: *//p' | head -n 1)
  echo "it belongs to ${server:-a cluster} already ($(member_trace)), which is not of this tool's making"
}
