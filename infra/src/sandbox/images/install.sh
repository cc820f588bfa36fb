#!/bin/sh
# install.sh LIST installs the Debian packages named in LIST that the image does not have yet, and needs
# no network when it has them all. What must differ between two machines is left out of the image.
set -eu

missing() {
	while read -r package; do
		status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2> /dev/null) || status=unknown
		[ "$status" = installed ] || echo "$package"
	done < "$1"
}

main() {
	packages=$(missing "$1")
	if [ -n "$packages" ]; then
		export DEBIAN_FRONTEND=noninteractive
		apt-get update
		# shellcheck disable=SC2086 # a list
		apt-get install --yes --no-install-recommends $packages
		apt-get clean
		rm -rf /var/lib/apt/lists/*
	fi
	rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id
	: > /etc/machine-id
}

main "$@"
