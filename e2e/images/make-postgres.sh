#!/bin/sh
# Makes a stand-in for the official image of Postgres, where no image registry can be reached: Debian's packages by
# mmdebstrap, and an entrypoint that reads POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB.
#
#   make-postgres.sh [--mirror URL] NAME
#
# imports it into Docker as NAME. Needs mmdebstrap and docker.
set -eu

main() {
  suite=trixie
  version=17
  mirror=http://deb.debian.org/debian
  name=
  while [ $# -gt 0 ]; do
    case $1 in
      --mirror) mirror=$2; shift 2 ;;
      -*) usage "There is no option $1." ;;
      *) [ -z "$name" ] || usage "One name only, not $name and $1."
         name=$1; shift ;;
    esac
  done
  [ -n "$name" ] || usage "What is it to be called?"

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  write_entrypoint
  make_tar
  docker import --change 'USER 999:999' --change 'ENTRYPOINT ["/entrypoint"]' \
    --change "ENV PGDATA=/var/lib/postgresql/data PATH=/usr/lib/postgresql/$version/bin:/usr/bin:/bin" \
    "$work/postgres.tar" "$name"
}

usage() {
  printf '%s\nUsage: make-postgres.sh [--mirror URL] NAME\n' "$1" >&2
  exit 2
}

write_entrypoint() {
  cat >"$work/entrypoint" <<'END'
#!/bin/sh
set -eu
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf %s "${POSTGRES_PASSWORD:?}" >/tmp/password
  initdb --username="$user" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  [ "$database" = postgres ] || echo "CREATE DATABASE \"$database\"" | postgres --single -j postgres
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
END
}

# The users are what the packages' own scripts would have put there.
make_tar() {
  cat >"$work/complete" <<'END'
#!/bin/sh
set -eu
cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"
cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
echo 'postgres:x:999:999::/var/lib/postgresql:/bin/sh' >>"$1/etc/passwd"
echo 'postgres:x:999:' >>"$1/etc/group"
install -m 755 "$(dirname "$0")/entrypoint" "$1/entrypoint"
install -d -m 700 -o 999 -g 999 "$1/var/lib/postgresql/data"
rm -rf "$1"/usr/share/doc/* "$1"/usr/share/locale/* "$1"/usr/share/man/*
END
  chmod 755 "$work" "$work/complete"
  mmdebstrap --quiet --variant=extract \
    --include="base-files,base-passwd,coreutils,dash,postgresql-$version,postgresql-client-$version" \
    --extract-hook="$work/complete" "$suite" "$work/postgres.tar" "$mirror"
}

main "$@"
