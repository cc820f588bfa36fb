#!/bin/sh
# Undoes what kubeadm init or join did here: nothing runs on the node any more, and nothing is left of its data.
main() {
  if ! command -v kubeadm > /dev/null; then return; fi
  # What notes it goes last: an undoing that was cut off is gone through again.
  if [ -z "$(member_trace)" ] && [ ! -e "$BEGUN" ] && [ ! -e "$NOTE" ]; then return; fi
  if ! is_ours; then
    echo "left as it is: $(foreign_cluster)" >&2
    return
  fi
  changed "what kubeadm did, undone"
  if is_dry; then return; fi
  # It asks containerd for what runs.
  systemctl start containerd >&2 || :
  undo_kubeadm
  systemctl stop kubelet >&2 || :
}

main "$@"
