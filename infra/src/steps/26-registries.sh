#!/bin/sh
# Where containerd looks for images: MIRRORS, lines `registry url`, each the only place it asks for that registry.
# AUTHORIZATION is a header's value. containerd reads these files at every pull: it need not be restarted.
folder=/etc/containerd/certs.d
mark="# Written by wharf-cluster"

hosts_toml() { # URL
  printf '%s\nserver = "%s"\n\n[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "$mark" "$1" "$1"
  # A mirror in a folder of its own is asked as it stands: containerd would put /v2 after its host.
  case ${1#*://} in */*) echo '  override_path = true' ;; esac
  [ ! -e /etc/wharf-cluster/ca.pem ] || echo '  ca = "/etc/wharf-cluster/ca.pem"'
  [ -z "${AUTHORIZATION:-}" ] || printf '  [host."%s".header]\n    Authorization = "%s"\n' "$1" "$AUTHORIZATION"
}

main() {
  echo "${MIRRORS:-}" > "$WORK/mirrors"
  while read -r registry url; do
    [ -n "$registry" ] || continue
    hosts_toml "$url" | put "$folder/$registry/hosts.toml" "$([ -n "${AUTHORIZATION:-}" ] && echo 600 || echo 644)"
  done < "$WORK/mirrors"
  for file in "$folder"/*/hosts.toml; do
    registry=$(basename "$(dirname "$file")")
    if ! grep -qxF "$mark" "$file" 2> /dev/null || grep -q "^$registry " "$WORK/mirrors"; then continue; fi
    changed "$file removed"
    is_dry || rm -r "$(dirname "$file")"
  done
}

main "$@"
