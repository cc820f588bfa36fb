#!/bin/sh
# The apt repository at URL with its key. APT_AUTH is a line for apt's auth.conf, when it asks who one is.
list=/etc/apt/sources.list.d/kubernetes.list
key=/etc/apt/keyrings/kubernetes-apt-keyring.asc
auth=/etc/apt/auth.conf.d/wharf-cluster.conf

prepare_apt() {
  # Left half-done by an interruption.
  [ -z "$(dpkg --audit)" ] || dpkg --configure -a >&2
  if command -v curl > /dev/null; then return; fi
  apt_update
  apt_install curl ca-certificates
}

main() {
  is_dry || prepare_apt
  if [ -n "${APT_AUTH:-}" ]; then
    echo "$APT_AUTH" | put "$auth" 600
  elif [ -e "$auth" ]; then
    changed "$auth removed"
    is_dry || rm "$auth"
  fi
  line="deb [signed-by=$key] $URL /"
  # Keys expire, and are renewed under the same name: before packages are installed it is asked for again.
  if ! is_dry && { [ -z "$(installed kubelet)" ] || [ ! -s "$key" ] || ! grep -qxF "$line" "$list" 2> /dev/null; }; then
    fetch "$URL/Release.key" "${KEY_SHA256:-}" "" "$WORK/key"
    put "$key" 644 < "$WORK/key"
  fi
  echo "$line" | put "$list" 644
}

main "$@"
