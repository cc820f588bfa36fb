#!/bin/sh
# kubeadm, kubelet and kubectl of Kubernetes VERSION, held. URL is the repository's, to be named in errors.
programs="kubeadm kubelet kubectl"

are_installed() {
  for one in $programs; do
    case $(installed "$one") in "${VERSION}"-*) ;; *) return 1 ;; esac
  done
}

install_programs() {
  apt_update || fail "apt cannot read its repositories" "see above which one; the others must work as well"
  apt-cache madison kubelet | grep -qF " $VERSION-" ||
    fail "the repository $URL has no kubelet $VERSION" "look at the profile and at sources.packages in the inventory"
  apt_install --allow-change-held-packages "kubeadm=$VERSION-*" "kubelet=$VERSION-*" "kubectl=$VERSION-*"
}

refuse_upgrade() {
  there=$(installed kubelet)
  case $there in "" | "$VERSION"-*) return ;; esac
  [ ! -s /etc/kubernetes/kubelet.conf ] ||
    fail "this node runs Kubernetes $there, and $VERSION is wanted" "'up' does not upgrade: give the profile that has $there"
}

main() {
  refuse_upgrade
  if ! are_installed; then
    changed "$programs $VERSION"
    is_dry || install_programs
  fi
  # shellcheck disable=SC2086 # names, each a word
  if [ "$(apt-mark showhold $programs 2> /dev/null | wc -l)" -ne 3 ]; then
    changed "$programs held"
    is_dry || apt-mark hold $programs >&2
  fi
}

main "$@"
