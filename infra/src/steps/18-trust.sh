#!/bin/sh
# Certificate authorities of the inventory's sources (CA, PEM), for curl, apt and containerd: not for the whole machine.
# Without any, what an earlier run put there goes.
main() {
  if [ -z "${CA:-}" ]; then
    for file in /etc/wharf-cluster/ca.pem /etc/wharf-cluster/bundle.pem /etc/apt/apt.conf.d/90wharf-cluster; do
      [ -e "$file" ] || continue
      changed "$file removed"
      is_dry || rm -f "$file"
    done
    return
  fi
  echo "$CA" | put /etc/wharf-cluster/ca.pem 644
  cat /etc/ssl/certs/ca-certificates.crt 2> /dev/null > "$WORK/bundle" || :
  echo "$CA" >> "$WORK/bundle"
  put /etc/wharf-cluster/bundle.pem 644 < "$WORK/bundle"
  echo 'Acquire::https::CAInfo "/etc/wharf-cluster/bundle.pem";' | put /etc/apt/apt.conf.d/90wharf-cluster 644
}

main "$@"
