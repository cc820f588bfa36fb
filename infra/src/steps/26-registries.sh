#!/bin/sh
# Where containerd looks for images: REGISTRIES, lines `registry url [authorized]`, each the only place it asks for that
# registry; AUTHORIZATION is a header's value. containerd reads these files at every pull: it need not be restarted.
folder=/etc/containerd/certs.d
mark="# Written by wharf-cluster"

hosts_toml() { # URL AUTHORIZATION
  printf '%s\nserver = "%s"\n\n[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "$mark" "$1" "$1"
  # A mirror in a folder of its own is asked as it stands: containerd would put /v2 after its host.
  case ${1#*://} in */*) echo '  override_path = true' ;; esac
  [ ! -e /etc/wharf-cluster/ca.pem ] || echo '  ca = "/etc/wharf-cluster/ca.pem"'
  [ -z "$2" ] || printf '  [host."%s".header]\n    Authorization = "%s"\n' "$1" "$2"
}

main() {
  echo "${REGISTRIES:-}" > "$WORK/registries"
  while read -r registry url authorized; do
    [ -n "$registry" ] || continue
    if [ -n "$authorized" ]; then
      hosts_toml "$url" "$AUTHORIZATION" | put "$folder/$registry/hosts.toml" 600
    else
      hosts_toml "$url" "" | put "$folder/$registry/hosts.toml" 644
    fi
  done < "$WORK/registries"
  for file in "$folder"/*/hosts.toml; do
    registry=$(basename "$(dirname "$file")")
    if ! grep -qxF "$mark" "$file" 2> /dev/null || grep -q "^$registry " "$WORK/registries"; then continue; fi
    changed "$file removed"
    is_dry || rm -r "$(dirname "$file")"
  done
}

main "$@"
