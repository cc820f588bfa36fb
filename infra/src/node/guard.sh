# shellcheck shell=sh
# Watches over the commands of one connection to this node. The operator's side writes a line every few seconds; when it
# ends, or is silent for too long, what runs for it is ended, so that no two runs are ever at work at once.
#
# connection  a name of its own: the folder /run/wharf/$connection holds what its commands are
# holder      who it is, in words; empty for one that changes nothing and needs no lock
# patience    how many seconds to wait for an earlier run to end
# grace       how many seconds a command that is stopped may take to end before it is killed

: "${connection:?}" "${holder?}" "${patience:?}" "${grace:?}"

main() {
	umask 077
	mkdir -p "$folder"
	if [ -n "$holder" ]; then lock; fi
	if [ -n "${SUDO_USER:-}" ]; then echo ready sudo; else echo ready; fi
	while line=$(next_line); do
		case $line in
		stop\ *) stop "${line#stop }" & ;;
		esac
	done
	end
}

# A connection can be dead without anyone having said so.
next_line() {
	# shellcheck disable=SC2016 # it is the inner shell's
	timeout 40 sh -c 'read -r line && echo "$line"'
}

# Held by whoever has the file open: it cannot be forgotten.
lock() {
	exec 9<> /run/wharf/lock
	if ! flock -n 9; then
		echo "busy $(cat /run/wharf/lock)"
		if ! flock -w "$patience" 9; then
			echo refused
			rm -rf "$folder"
			exit 0
		fi
	fi
	echo "$holder" > /run/wharf/lock
}

# stop NAME: ends a command with everything it started, or sees to it that it does not begin.
stop() {
	: > "$folder/$1.stop"
	[ -e "$folder/$1.group" ] || return 0
	group=$(cat "$folder/$1.group")
	kill -s TERM -- "-$group" || return 0
	tries=$((grace * 10))
	while kill -s 0 -- "-$group"; do
		tries=$((tries - 1))
		if [ "$tries" -eq 0 ]; then kill -s KILL -- "-$group"; fi
		[ "$tries" -gt -50 ] || return 0
		sleep 0.1
	done
}

end() {
	: > "$folder/stop"
	for file in "$folder"/*.group; do
		[ -e "$file" ] || continue
		name=${file##*/}
		stop "${name%.group}" &
	done
	wait
	rm -rf "$folder"
}

folder=/run/wharf/$connection
main 2> /dev/null
