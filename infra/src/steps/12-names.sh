#!/bin/sh
# The node's own name, and the names of all nodes (HOSTS, a line for each) in /etc/hosts.
begin="# wharf-cluster begin"
end="# wharf-cluster end"

main() {
  if [ "$(hostname)" != "$NAME" ]; then
    changed "host name $NAME"
    if ! is_dry; then hostname "$NAME"; fi
  fi
  echo "$NAME" | put /etc/hostname 644
  {
    sed "/^$begin/,/^$end/d" /etc/hosts | awk 1 # which ends the last line, too
    printf '%s\n%s\n%s\n' "$begin" "$HOSTS" "$end"
  } > "$WORK/hosts"
  put /etc/hosts 644 < "$WORK/hosts"
}

main "$@"
