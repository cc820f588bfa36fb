#!/bin/sh
# apt without questions, and a list of what it installs, for `reset`.
installed() { # PACKAGE: its version, if it is wholly installed
  dpkg-query -W -f '${db:Status-Abbrev}${Version}\n' "$1" 2> /dev/null | sed -n 's/^[ih]i //p'
}

apt_do() {
  apt-get -y -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
    -o APT::Keep-Downloaded-Packages=false "$@" >&2
}

# Nothing waits for the lock of the lists by itself; a machine that has just started is often at it.
apt_update() {
  apt_end=$(($(date +%s) + 300))
  until apt_do update 2> "$WORK/apt"; do
    if ! grep -q 'lock .*/apt/lists' "$WORK/apt" || [ "$(date +%s)" -ge "$apt_end" ]; then
      cat "$WORK/apt" >&2
      return 1
    fi
    sleep 3
  done
}

# What is not there yet is written down first, for `reset`.
apt_install() {
  apt-get -s install "$@" | sed -n 's/^Inst \([^ ]*\).*/\1/p' | while read -r one; do
    [ -n "$(installed "$one")" ] || echo "$one" >> "$STATE/packages"
  done
  apt_do install "$@"
}
