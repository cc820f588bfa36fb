#!/bin/sh
# Uses both services as a client would: FILESERVER and DOWNLOADER are their URLs, PLACE a folder of the volume that is
# nobody's, SOURCE a URL to have fetched, or empty. Leaves nothing behind. A line for each thing that works.
set -eu

fail() {
  echo "$1: $(head -c 600 "$folder/answer" 2> /dev/null)" >&2
  exit 1
}

# request STATUS curl's arguments: fails unless that is the answer.
request() {
  wanted=$1
  shift
  status=$(curl -sS --noproxy '*' -m 60 -o "$folder/answer" -w '%{http_code}' "$@") || fail "$* does not answer"
  [ "$status" = "$wanted" ] || fail "$* answers $status, not $wanted"
}

# Within the ten seconds that an interrupted script is given.
clean() {
  curl -s --noproxy '*' -m 4 -o /dev/null -X DELETE "$FILES/$PLACE/?recursive=true" || true
  [ -z "$download" ] || curl -s --noproxy '*' -m 4 -o /dev/null -X DELETE "$DOWNLOADER/downloads/$download" || true
  rm -rf "$folder"
}

upload() {
  head -c 8388608 /dev/urandom > "$folder/sent"
  request 201 -T "$folder/sent" "$FILES/$PLACE/sent"
  request 200 "$FILES/$PLACE/sent"
  cmp -s "$folder/sent" "$folder/answer" || fail "what was stored is not what comes back"
  echo "8 MiB stored and read back: the same bytes"
}

fetch() {
  json='Content-Type: application/json'
  request 422 -H "$json" -d '{"url":"http://169.254.169.254/latest/meta-data/"}' "$DOWNLOADER/downloads"
  echo "the metadata address is refused"
  [ -n "$SOURCE" ] || return 0
  request 201 -H "$json" -d "{\"url\":\"$SOURCE\",\"path\":\"$PLACE\",\"filename\":\"fetched\"}" "$DOWNLOADER/downloads"
  download=$(sed 's/.*"id":"\([^"]*\)".*/\1/' "$folder/answer")
  tries=240
  until grep -qE '"state":"(completed|failed)"' "$folder/answer"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "$SOURCE is not fetched after two minutes"
    sleep 0.5
    request 200 "$DOWNLOADER/downloads/$download"
  done
  grep -q '"state":"completed"' "$folder/answer" || fail "$SOURCE was not fetched"
  request 200 "$FILES/$PLACE/fetched"
  echo "$SOURCE fetched and served: $(stat -c %s "$folder/answer") bytes, sha256 $(sha256sum < "$folder/answer" | cut -c 1-64)"
}

main() {
  FILES=$FILESERVER/files
  download=
  folder=$(mktemp -d)
  trap clean EXIT
  trap 'exit 143' TERM INT HUP # or a signal would run no trap of EXIT
  upload
  fetch
}

main "$@"
