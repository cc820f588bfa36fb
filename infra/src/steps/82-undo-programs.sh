#!/bin/sh
# Removes containerd, runc, the CNI plugins and crictl, as their stamps list them, with configuration and data. What was
# there before `up` stays, but what this has put into it.
unit=/usr/local/lib/systemd/system/containerd.service

remove() { # PATH, if it is there
  [ -e "$1" ] || [ -L "$1" ] || return 0
  if mountpoint -q "$1" || grep -qxF "$1" "$STATE/before/files"; then
    find "$1" -depth -mindepth 1 2> /dev/null | grep -vxFf "$STATE/before/files" > "$WORK/added" || return 0
    changed "$1 emptied"
    is_dry || tr '\n' '\0' < "$WORK/added" | xargs -0r rm -df
  else
    changed "$1 removed"
    is_dry || rm -rf "$1"
  fi
}

stop_containers() {
  changed "containerd stopped"
  if is_dry; then return; fi
  for one in $(crictl pods -q 2> /dev/null); do crictl stopp "$one" > /dev/null 2>&1 || :; done
  systemctl disable --quiet --now containerd >&2
  # They outlive containerd, on purpose. Those of a containerd in a container of this machine are its own.
  pkill --ns 1 --nslist pid,mnt -f '^/usr/local/bin/containerd-shim-runc-v2 ' || :
  awk '$2 ~ "^/(run/containerd|var/lib/containerd|var/lib/kubelet)/" { print $2 }' /proc/mounts | sort -r | xargs -r umount -l >&2 || :
  systemctl stop kubepods.slice >&2 2> /dev/null || :
}

main() {
  if [ ! -d "$STATE" ]; then return; fi
  # Stopped or not: what it started outlives it. A containerd that was there before is not ours to stop.
  if [ -e "$unit" ] && ! grep -qxF "$unit" "$STATE/before/files"; then stop_containers; fi
  for stamp in "$STATE"/parts/*; do
    [ -e "$stamp" ] || continue
    sed -n 's/^[0-9a-f]*  //p' "$stamp" > "$WORK/files"
    while read -r file; do remove "$file"; done < "$WORK/files"
  done
  for path in "$unit" /etc/containerd /etc/crictl.yaml /etc/wharf-cluster \
    /etc/kubernetes /var/lib/containerd /var/lib/kubelet /var/lib/etcd /var/lib/cni /run/flannel /run/containerd \
    /var/log/pods /var/log/containers /opt/cni/bin/flannel; do
    remove "$path"
  done
  if [ "$(readlink /root/.kube/config)" = /etc/kubernetes/admin.conf ]; then remove /root/.kube/config; fi
  remove /root/.kube/cache
  is_dry || systemctl daemon-reload
}

main "$@"
