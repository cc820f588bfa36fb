#!/bin/sh
# Installs one file of a release: PART of VERSION from URL into FOLDER. An archive is unpacked there; anything else
# is put there under the name PROGRAM. The stamp holds the version and the sums of what was installed: a second run
# downloads nothing, and what is damaged or was replaced is installed again.
stamp=$STATE/parts/$PART
staging=$FOLDER/.wharf-$PART

is_installed() {
  [ "$(sed -n 1p "$stamp" 2> /dev/null)" = "# $VERSION" ] && sed 1d "$stamp" | sha256sum --check --status 2> /dev/null
}

unpack() { # ARCHIVE
  rm -rf "$staging"
  mkdir -p "$staging"
  if [ -n "${PROGRAM:-}" ]; then
    install -m "$MODE" "$1" "$staging/$PROGRAM"
  else
    tar -xzf "$1" -C "$staging" --no-same-owner ||
      fail "$URL cannot be unpacked into $FOLDER: $(df -h "$FOLDER" | tail -n 1)" "make room on the node's disk, or look at the file"
  fi
}

main() {
  if is_installed; then return; fi
  changed "$PART $VERSION in $FOLDER"
  if is_dry; then return; fi
  archive=$STATE/downloads/$PART
  fetch "$URL" "${SHA256:-}" "${CHECKSUM_URLS:-}" "$archive"
  unpack "$archive"
  needs_restart
  (cd "$staging" && find . -type f | sed 's#^\./##' | sort) > "$WORK/files"
  while read -r file; do
    mkdir -p "$FOLDER/$(dirname "$file")"
    mv -f "$staging/$file" "$FOLDER/$file"
  done < "$WORK/files"
  mkdir -p "$STATE/parts"
  {
    echo "# $VERSION"
    while read -r file; do sha256sum "$FOLDER/$file"; done < "$WORK/files"
  } > "$stamp.part"
  sync
  mv -f "$stamp.part" "$stamp"
  rm -rf "$staging" "$archive"
}

main "$@"
