#!/bin/sh
# kubelet does not start while there is swap. What is turned off is written down, so that `reset` turns it on again.
main() {
  if [ -e /etc/fstab ]; then
    sed 's/^[^#].*[[:space:]]swap[[:space:]].*/#wharf-cluster# &/' /etc/fstab > "$WORK/fstab"
    put /etc/fstab "$(stat -c %a /etc/fstab)" < "$WORK/fstab"
  fi
  # Not every swap stands in fstab: zram's and a partition's own are units.
  systemctl list-units --type=swap --plain --no-legend --no-pager | awk '{ print $1 }' > "$WORK/units"
  while read -r unit; do
    if [ "$(systemctl is-enabled "$unit" 2> /dev/null)" = masked ]; then continue; fi
    changed "$unit masked"
    if is_dry; then continue; fi
    mkdir -p "$STATE"
    echo "$unit" >> "$STATE/masked-swaps"
    systemctl mask "$unit" >&2
  done < "$WORK/units"
  awk 'NR > 1 { print $1 }' /proc/swaps > "$WORK/swaps"
  while read -r swap; do
    changed "swap on $swap off"
    if is_dry; then continue; fi
    swapoff "$swap" >&2 || fail "swap on $swap cannot be turned off" \
      "free memory until what is swapped out has room (free -m), or remove the swap and restart"
  done < "$WORK/swaps"
}

main "$@"
