#!/bin/sh
# Removes the packages that `up` brought, with what they needed and was not there before, and their repository.
main() {
  sort -u "$STATE/packages" 2> /dev/null | while read -r one; do
    ! dpkg-query -W -f '${db:Status-Abbrev}' "$one" 2> /dev/null | grep -q '^[hip][^n]' || echo "$one"
  done > "$WORK/packages"
  if [ -s "$WORK/packages" ]; then
    changed "packages removed: $(tr '\n' ' ' < "$WORK/packages")"
    is_dry || purge
  fi
  for file in /etc/apt/sources.list.d/kubernetes.list /etc/apt/keyrings/kubernetes-apt-keyring.asc \
    /etc/apt/auth.conf.d/wharf-cluster.conf /etc/apt/apt.conf.d/90wharf-cluster /var/lib/apt/lists/*_core*_stable*_v*_deb_*; do
    [ -e "$file" ] || continue
    changed "$file removed"
    is_dry || rm -f "$file"
  done
}

purge() {
  [ -z "$(dpkg --audit)" ] || dpkg --configure -a >&2
  apt-mark unhold kubeadm kubelet kubectl >&2 || :
  # The link that starts it at boot would stay, to a unit that is gone.
  systemctl disable --quiet kubelet >&2 || :
  # shellcheck disable=SC2046 # names, each a word
  apt-get -y -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 purge $(cat "$WORK/packages") >&2
}

main "$@"
