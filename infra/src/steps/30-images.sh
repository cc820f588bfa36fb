#!/bin/sh
# Pulls the images that a node of this ROLE will need, before it needs them: IMAGES, those that MANIFESTS name, and on
# the control plane those of kubeadm's own list. Only to save time, and to fail early.
list() {
  for image in $IMAGES; do echo "$image"; done
  for manifest in $MANIFESTS; do
    [ ! -e "$manifest" ] || sed -n 's/^ *\(- \)*image: *//p' "$manifest" | tr -d "\"'"
  done
  if [ "$ROLE" = control-plane ] && command -v kubeadm > /dev/null; then
    kubeadm config images list --kubernetes-version "v$VERSION" --image-repository "$REPOSITORY" 2> /dev/null
  fi
}

main() {
  # A member's kubelet sees to its images itself.
  if [ -s /etc/kubernetes/kubelet.conf ]; then return; fi
  list | awk '!seen[$0]++' > "$WORK/wanted"
  if command -v crictl > /dev/null; then crictl images -o json > "$WORK/there"; else : > "$WORK/there"; fi
  while read -r image; do
    if grep -qF "\"$image\"" "$WORK/there"; then continue; fi
    changed "image $image"
    is_dry || crictl pull "$image" >&2 || fail "the image $image cannot be pulled" \
      "see above what its registry answers; sources.imageRepository and sources.registryMirrors say where it is looked for"
  done < "$WORK/wanted"
}

main "$@"
