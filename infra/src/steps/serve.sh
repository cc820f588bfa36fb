#!/bin/sh
# serve UNIT: runs now and at boot, and is restarted if something that it reads has changed since it started.
serve() {
  if ! systemctl is-enabled --quiet "$1" 2> /dev/null; then
    changed "$1 starts at boot"
    is_dry || systemctl enable --quiet "$1" >&2
  fi
  if ! systemctl is-active --quiet "$1"; then
    changed "$1 started"
    is_dry || start_unit start "$1"
  elif [ -e "$STATE/restart-$1" ]; then
    changed "$1 restarted"
    is_dry || start_unit restart "$1"
  fi
}

start_unit() { # VERB UNIT
  systemctl daemon-reload
  systemctl "$1" "$2" >&2 || {
    journalctl -u "$2" --no-pager -n 20 >&2
    fail "$2 does not start" "see its last words above"
  }
  rm -f "$STATE/restart-$2"
}
