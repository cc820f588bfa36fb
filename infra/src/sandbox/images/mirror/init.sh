#!/bin/sh
# init.sh serves /srv/files on port 80 and the image registry in /srv/registry on port 5000.
set -eu

registry() {
	while :; do
		docker-registry serve /sandbox/registry.yml || sleep 1
	done
}

main() {
	registry &
	exec nginx -c /sandbox/nginx.conf
}

main "$@"
