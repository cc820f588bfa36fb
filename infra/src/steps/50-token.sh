#!/bin/sh
# The TOKEN that a node joins with: ACTION is create, or delete. What it leaves is nobody's change.
main() {
  case $ACTION in
    create) kubeadm token create "$TOKEN" --ttl 20m --description "wharf-cluster: nodes join" > /dev/null ;;
    delete) kubeadm token delete "${TOKEN%%.*}" > /dev/null ;;
  esac
}

main "$@"
