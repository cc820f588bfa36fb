#!/bin/sh
# Kernel settings and swap go back to what was written down before `up`.
before=$STATE/before

restore_sysctls() {
  while IFS= read -r line; do
    name=${line%% = *} value=${line#* = }
    now=$(sysctl -n "$name" 2> /dev/null) || continue
    if [ "$now" = "$value" ]; then continue; fi
    changed "$name = $value"
    is_dry || sysctl -qw "$name=$value" >&2 || :
  done < "$before/sysctls"
}

restore_swap() {
  if grep -q '^#wharf-cluster# ' /etc/fstab 2> /dev/null; then
    sed 's/^#wharf-cluster# //' /etc/fstab > "$WORK/fstab"
    put /etc/fstab "$(stat -c %a /etc/fstab)" < "$WORK/fstab"
  fi
  sort -u "$STATE/masked-swaps" > "$WORK/units" 2> /dev/null || :
  while read -r unit; do
    changed "$unit unmasked"
    is_dry || systemctl unmask "$unit" >&2
  done < "$WORK/units"
  while read -r swap; do
    if grep -q "^$swap " /proc/swaps; then continue; fi
    changed "swap on $swap on"
    is_dry || swapon "$swap" >&2 || :
  done < "$before/swaps"
}

main() {
  if [ ! -d "$before" ]; then return; fi
  for file in /etc/modules-load.d/k8s.conf /etc/sysctl.d/k8s.conf; do
    [ -e "$file" ] || continue
    changed "$file removed"
    is_dry || rm "$file"
  done
  restore_sysctls
  restore_swap
}

main "$@"
