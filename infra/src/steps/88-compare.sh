#!/bin/sh
# Says how the node differs from what was written down before `up`, and forgets it: the next `up` writes it down anew.
kubelet_plugins=/usr/libexec/kubernetes/kubelet-plugins

main() {
  if [ ! -d "$STATE/before" ]; then return; fi
  changed "$STATE removed"
  if is_dry; then return; fi
  for folder in /etc/cni/net.d /etc/cni /opt/cni/bin /opt/cni /usr/local/lib/systemd/system /usr/local/lib/systemd \
    /opt/containerd/bin /opt/containerd/lib /opt/containerd /etc/apt/keyrings /etc/modules-load.d /root/.kube \
    $kubelet_plugins/volume/exec $kubelet_plugins/volume $kubelet_plugins /usr/libexec/kubernetes; do
    if grep -qxF "$folder" "$STATE/before/files" || [ ! -d "$folder" ]; then continue; fi
    rmdir "$folder" 2> /dev/null || :
  done
  snapshot "$WORK/after"
  for kind in files contents units packages held sysctls iptables devices swaps modules hostname; do
    diff "$STATE/before/$kind" "$WORK/after/$kind" | sed -n -e "s/^> /fact: $kind=more /p" -e "s/^< /fact: $kind=less /p"
  done
  # At once: half of it would be taken for what was there before.
  rm -rf "$STATE.undone"
  mv "$STATE" "$STATE.undone"
  rm -rf "$STATE.undone"
}

main "$@"
