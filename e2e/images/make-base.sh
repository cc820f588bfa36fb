#!/bin/sh
# Makes a stand-in for the official slim image of Node, where no image registry can be reached: Debian's packages by
# mmdebstrap, the executable of the npm package `node` in the version of the lock file, and npm, which the build uses.
#
#   make-base.sh [--arch amd64|arm64] [--suite SUITE] [--mirror URL] NAME
#
# loads it into Docker as NAME, a name with its tag. Needs mmdebstrap, npm and docker. Packages are unpacked and not
# configured, so that another architecture needs no emulation.
set -eu

main() {
  arch=$(dpkg --print-architecture)
  suite=trixie
  mirror=http://deb.debian.org/debian
  name=
  while [ $# -gt 0 ]; do
    case $1 in
      --arch) arch=$2; shift 2 ;;
      --suite) suite=$2; shift 2 ;;
      --mirror) mirror=$2; shift 2 ;;
      -*) usage "There is no option $1." ;;
      *) [ -z "$name" ] || usage "One name only, not $name and $1."
         name=$1; shift ;;
    esac
  done
  case $name in
    *:*) ;;
    *) usage "What is it to be called, with its tag?" ;;
  esac
  case $arch in
    amd64) node_arch=x64 ;;
    arm64) node_arch=arm64 ;;
    *) usage "There is no Node for $arch here." ;;
  esac

  repository=$(cd "$(dirname "$0")/../.." && pwd)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  unpack_node
  make_tar
  load_image
}

usage() {
  printf '%s\nUsage: make-base.sh [--arch amd64|arm64] [--suite SUITE] [--mirror URL] NAME\n' "$1" >&2
  exit 2
}

# Lays out $work/local as the official image has /usr/local.
unpack_node() {
  version=$(sed -n "s/^  node@\([0-9.]*\):$/\1/p" "$repository/pnpm-lock.yaml" | head -n 1)
  mkdir -p "$work/local/bin" "$work/local/lib/node_modules/npm"
  node_tar=$(cd "$work" && npm pack --silent "node-linux-$node_arch@$version")
  npm_tar=$(cd "$work" && npm pack --silent npm@11)
  tar -xzf "$work/$node_tar" -C "$work/local" --strip-components=1 package/bin/node
  tar -xzf "$work/$npm_tar" -C "$work/local/lib/node_modules/npm" --strip-components=1
  chmod 755 "$work/local/bin/node"
  for program in npm npx; do
    ln -s "../lib/node_modules/npm/bin/$program-cli.js" "$work/local/bin/$program"
    chmod 755 "$work/local/lib/node_modules/npm/bin/$program-cli.js"
  done
}

# The users and the certificates are what the packages' own scripts would have put there.
make_tar() {
  cat >"$work/complete" <<'END'
#!/bin/sh
set -eu
cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"
cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
cat "$1"/usr/share/ca-certificates/mozilla/*.crt >"$1/etc/ssl/certs/ca-certificates.crt"
cp -R "$(dirname "$0")/local/." "$1/usr/local/"
rm -rf "$1"/usr/share/doc/* "$1"/usr/share/locale/* "$1"/usr/share/man/*
END
  chmod 755 "$work" "$work/complete"
  mmdebstrap --quiet --variant=extract --architectures="$arch" \
    --include=base-files,base-passwd,bash,ca-certificates,coreutils,dash,findutils,grep,libatomic1,libstdc++6,sed,tar \
    --extract-hook="$work/complete" "$suite" "$work/base.tar" "$mirror"
}

# `docker import` of older releases cannot be told of another architecture.
load_image() {
  layer=$(sha256sum "$work/base.tar" | cut -d ' ' -f 1)
  path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  printf '{"os":"linux","architecture":"%s","config":{"Env":["PATH=%s"],"Cmd":["node"]},%s}' "$arch" "$path" \
    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$layer\"]}" >"$work/config.json"
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["base.tar"]}]' "$name" >"$work/manifest.json"
  tar -C "$work" -cf - manifest.json config.json base.tar | docker load --quiet
}

main "$@"
