#!/bin/sh
# Writes down the machine as it is, once, so that `reset` can put it back and say what stayed.
main() {
  # apt reads a bundle below it, as a user of its own; what is secret in it has a mode of its own.
  if ! is_dry && [ -d "$STATE" ]; then chmod 711 "$STATE"; fi
  if [ -d "$STATE/before" ]; then return; fi
  changed "the node as it is now, in $STATE/before"
  if is_dry; then return; fi
  mkdir -p "$STATE"
  chmod 711 "$STATE"
  rm -rf "$STATE/before.part"
  mkdir -m 700 "$STATE/before.part"
  snapshot "$STATE/before.part"
  cp -a /etc/fstab "$STATE/before.part/fstab" 2> /dev/null || :
  sync
  mv "$STATE/before.part" "$STATE/before"
}

main "$@"
