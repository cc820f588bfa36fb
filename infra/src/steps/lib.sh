#!/bin/sh
# What every step begins with: shell-step.ts puts it before the step's own file.
# DRY_RUN=1 only says what would change. No other run is at work on the node meanwhile: node/guard.sh sees to that.
# Standard output is for the conductor: `changed: WHAT`, `fact: NAME=VALUE`, `seen: URL SHA256`.
# Standard error is for people: what programs say, and before a step fails `error: WHAT` and `fix: HOW`.
set -eu
umask 022
unset CDPATH
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
STATE=/var/lib/wharf-cluster # what this tool remembers on the node
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 129' HUP INT TERM

is_dry() { [ "${DRY_RUN:-0}" = 1 ]; }
changed() { echo "changed: $*"; }
fail() { # WHAT HOW_TO_MEND_IT
  printf 'error: %s\nfix: %s\n' "$1" "$2" >&2
  exit 1
}

# put FILE MODE: standard input becomes the file's content, at once or not at all.
put() {
  cat > "$WORK/put"
  if cmp -s "$WORK/put" "$1" && [ "$(stat -c %a "$1")" = "$2" ]; then return; fi
  changed "$1"
  if is_dry; then return; fi
  needs_restart
  keep "$1"
  mkdir -p "$(dirname "$1")"
  install -m "$2" "$WORK/put" "$1.wharf-part"
  # A file that is a mount of its own, as /etc/hosts in a container, cannot be replaced, only written.
  if ! mv -f "$1.wharf-part" "$1" 2> /dev/null; then
    cat "$1.wharf-part" > "$1"
    rm -f "$1.wharf-part"
  fi
}

# What stood there before `up` comes back with `reset`.
keep() { # FILE
  if [ -e "$STATE/replaced$1" ] || ! grep -qxF "$1" "$STATE/before/files" 2> /dev/null; then return; fi
  mkdir -p "$STATE/replaced$(dirname "$1")"
  cp -a "$1" "$STATE/replaced$1"
}

# The service RESTARTS reads what is about to change. The note outlives an interruption, until the restart is done.
needs_restart() {
  [ -n "${RESTARTS:-}" ] || return 0
  mkdir -p "$STATE"
  : > "$STATE/restart-$RESTARTS"
}
