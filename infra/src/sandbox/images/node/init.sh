#!/bin/sh
# init.sh makes a container look like a server, then becomes systemd. From its environment:
#   AUTHORIZED_KEY  the key that may log in as root
#   RESOLVERS       name servers; Docker's own answers on a loopback address, which CoreDNS would take for itself
#   ROUTER          the default route and the only name server, on a network that leads nowhere
set -eu

# As on a server: writable /sys and cgroups, mounts that reach Pods, kernel messages, product ids that differ.
dress_up() {
	mount -o remount,rw /sys
	for mount in /sys/fs/cgroup /sys/fs/cgroup/*; do
		# Without bind a version 1 hierarchy answers "mount point is busy".
		! mountpoint -q "$mount" || mount -o remount,bind,rw "$mount"
	done
	mount --make-rshared /
	[ -e /dev/kmsg ] || mknod -m 600 /dev/kmsg c 1 11
	if [ -e /sys/class/dmi/id/product_uuid ]; then
		mount --bind /sandbox/product_uuid /sys/class/dmi/id/product_uuid
	fi
}

# Where the host keeps no modules, its kernel has them built in: modprobe is told so.
list_modules() {
	modules=/lib/modules/$(uname -r)
	[ ! -e "$modules/modules.dep" ] || [ -e "$modules/sandbox" ] || return 0
	mkdir -p "$modules"
	{
		! grep -qw overlay /proc/filesystems || echo kernel/fs/overlayfs/overlay.ko
		[ ! -e /proc/sys/net/bridge ] || echo kernel/net/bridge/br_netfilter.ko
		[ ! -e /proc/sys/net/netfilter/nf_conntrack_max ] || echo kernel/net/netfilter/nf_conntrack.ko
		echo kernel/drivers/net/vxlan/vxlan.ko
	} > "$modules/modules.builtin"
	: > "$modules/modules.order"
	: > "$modules/sandbox"
	depmod 2> /dev/null
}

# Docker lays its own over these at every start; a server's are its own, and stay as they were left.
own_files() {
	for file in /etc/hosts /etc/hostname /etc/resolv.conf; do
		content=$(cat "$file")
		umount "$file" || continue
		[ -e /sandbox/booted ] || printf '%s\n' "$content" > "$file"
	done
}

first_boot() {
	[ ! -e /sandbox/booted ] || return 0
	mkdir -p /root/.ssh
	chmod 700 /root/.ssh
	echo "$AUTHORIZED_KEY" > /root/.ssh/authorized_keys
	ssh-keygen -A > /dev/null
	cat /proc/sys/kernel/random/uuid > /sandbox/product_uuid
	tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id
	[ -z "${ROUTER:-}" ] || rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
	for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
		systemd-logind.service getty.target console-getty.service sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
		dev-hugepages.mount; do
		ln -sf /dev/null "/etc/systemd/system/$unit"
	done
}

main() {
	own_files
	first_boot
	dress_up
	list_modules
	if [ -n "${ROUTER:-}" ]; then
		ip route replace default via "$ROUTER"
	fi
	if [ ! -e /sandbox/booted ]; then
		for resolver in ${RESOLVERS:-$ROUTER}; do echo "nameserver $resolver"; done > /etc/resolv.conf
	fi
	: > /sandbox/booted
	unset AUTHORIZED_KEY RESOLVERS ROUTER
	exec /sbin/init
}

main "$@"
