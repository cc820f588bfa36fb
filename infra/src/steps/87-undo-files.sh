#!/bin/sh
# The node's own name, /etc/hosts, and files that `up` replaced, as they were before it.
before=$STATE/before

# Files that are edited, and not replaced, may have been edited by others as well since.
restore_files() {
  if [ ! -d "$STATE/replaced" ]; then return; fi
  (cd "$STATE/replaced" && find . -type f | sed 's#^\.##') > "$WORK/replaced"
  while read -r file; do
    case $file in /etc/hosts | /etc/hostname | /etc/fstab) continue ;; esac
    if cmp -s "$STATE/replaced$file" "$file"; then continue; fi
    changed "$file as it was"
    is_dry || cp -a "$STATE/replaced$file" "$file"
  done < "$WORK/replaced"
}

main() {
  if [ ! -d "$before" ]; then return; fi
  restore_files
  sed "/^# wharf-cluster begin/,/^# wharf-cluster end/d" /etc/hosts > "$WORK/hosts"
  put /etc/hosts 644 < "$WORK/hosts"
  put /etc/hostname 644 < "$before/hostname"
  if [ "$(hostname)" != "$(cat "$before/hostname")" ]; then
    changed "host name $(cat "$before/hostname")"
    is_dry || hostname "$(cat "$before/hostname")"
  fi
}

main "$@"
