#!/bin/sh
# kubectl as the control plane's administrator.
export KUBECONFIG=/etc/kubernetes/admin.conf KUBECACHEDIR="$STATE/kubectl"
kubectl() { command kubectl --request-timeout="${REQUEST_TIMEOUT:-20s}" "$@"; }

# Whether the API answers, waited for as long as SECONDS: after a restart it takes its time.
api_answers() { # SECONDS
  api_end=$(($(date +%s) + $1))
  until REQUEST_TIMEOUT=3s kubectl get --raw /readyz > /dev/null 2>&1; do
    [ "$(date +%s)" -lt "$api_end" ] || return 1
    sleep 1
  done
}

# apply NAME FILE: the server has it as the file has it; says so only if that changed something.
apply() {
  if [ -e "$KUBECONFIG" ] && kubectl diff --server-side --force-conflicts --field-manager=wharf-cluster -f "$2" > /dev/null 2>&1; then
    return
  fi
  changed "$1"
  is_dry || kubectl apply --server-side --force-conflicts --field-manager=wharf-cluster -f "$2" >&2
}
