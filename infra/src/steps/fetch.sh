#!/bin/sh
# fetch URL SHA256 CHECKSUM_URLS FILE downloads to FILE, which is there only when it is whole and its checksum is right.
# Without SHA256 it is what the first of CHECKSUM_URLS that there is says (a bare one, or a list with names); without
# any, whatever is there is taken, and told to the conductor.
fetch() {
  mkdir -p "$(dirname "$4")"
  fetch_expected=$2
  if [ -z "$fetch_expected" ] && [ -n "$3" ]; then fetch_expected=$(stated_checksum "$1" "$3"); fi
  download "$1" "$4.part"
  fetch_sum=$(sha256sum < "$4.part" | cut -d ' ' -f 1)
  if [ -n "$fetch_expected" ] && [ "$fetch_sum" != "$fetch_expected" ]; then
    rm -f "$4.part"
    fail "$1 has the SHA-256 $fetch_sum, and not $fetch_expected" \
      "look whether the source is what it should be; if this file is the right one, give its sha256 in the inventory, or forget its old one in seen-checksums.json"
  fi
  [ -n "$2" ] || echo "seen: $1 $fetch_sum"
  mv -f "$4.part" "$4"
}

stated_checksum() { # URL CHECKSUM_URLS
  for list in $2; do
    (download "$list" "$WORK/checksum") 2> "$WORK/complaint" || continue
    sum=$(awk -v name="$(basename "$1")" '
      (NF == 1 || $2 == name || $2 == "*" name) && length($1) == 64 && $1 !~ /[^0-9A-Fa-f]/ {
        print tolower($1)
        exit
      }' "$WORK/checksum")
    if [ -n "$sum" ]; then
      echo "$sum"
      return
    fi
  done
  cat "$WORK/complaint" >&2
  fail "no checksum of $1 is stated" "give the part's sha256 in the inventory"
}

download() { # URL FILE
  # Credentials come by standard input, so that no process list shows them.
  set -- "$1" "$2" -fsSL --retry 3 --connect-timeout 10 --speed-limit 1000 --speed-time 30
  if [ -s /etc/wharf-cluster/bundle.pem ]; then set -- "$@" --cacert /etc/wharf-cluster/bundle.pem; fi
  download_url=$1 download_file=$2 download_status=0
  shift 2
  printf '%s\n' "${CURL_CONFIG:-}" | curl "$@" -K - -o "$download_file" "$download_url" || download_status=$?
  if [ "$download_status" -eq 0 ]; then return; fi
  rm -f "$download_file"
  case $download_status in
  22) fail "$download_url is not there, or is refused" "look at versions and sources in the inventory" ;;
  23) fail "$download_url cannot be kept: $(df -h "$(dirname "$download_file")" | tail -n 1)" "make room on the node's disk" ;;
  35 | 51 | 58 | 60 | 77) fail "the certificate of $download_url is not trusted (curl: $download_status)" "give its authority as sources.ca, and look at the node's clock" ;;
  *) fail "$download_url cannot be reached from this node (curl: $download_status)" "look at the node's network and names, or give another source in the inventory" ;;
  esac
}
