#!/bin/sh
# The TOKEN that a node joins with: ACTION is create, or delete. What it leaves is nobody's change. kubectl and not
# kubeadm: what is secret comes by standard input, so that no process list shows it.
main() {
  name=bootstrap-token-${TOKEN%%.*}
  case $ACTION in
    create) secret | kubectl create -f - > /dev/null ;;
    delete) kubectl -n kube-system delete secret "$name" --ignore-not-found > /dev/null ;;
  esac
}

secret() {
  cat << EOF
apiVersion: v1
kind: Secret
type: bootstrap.kubernetes.io/token
metadata:
  name: $name
  namespace: kube-system
stringData:
  description: "wharf-cluster: nodes join"
  token-id: "${TOKEN%%.*}"
  token-secret: "${TOKEN#*.}"
  expiration: $(date -u -d '+20 minutes' +%Y-%m-%dT%H:%M:%SZ)
  usage-bootstrap-authentication: "true"
  usage-bootstrap-signing: "true"
  auth-extra-groups: system:bootstrappers:kubeadm:default-node-token
EOF
}

main "$@"
