# shellcheck shell=sh
# Runs one script of the operator's on this node, in a process group that guard.sh can end.
#
# connection, name  where guard.sh looks for it: /run/wharf/$connection/$name.group
# size              bytes of the script, which come first on standard input
# fed               not empty: what follows them is the script's standard input

: "${connection:?}" "${name:?}" "${size:?}" "${fed?}"

main() {
	umask 077
	if ! [ -d "$folder" ]; then
		echo "nobody watches over this connection any more" >&2
		exit 75
	fi
	read -r _ _ _ _ group _ < "/proc/$$/stat"
	head -c "$size" > "$folder/$name.sh"
	# Half a script must not be run, nor one whose connection has ended meanwhile.
	[ "$(wc -c < "$folder/$name.sh")" -eq "$size" ] || exit 75
	echo "$group" > "$folder/$name.group"
	if [ -e "$folder/$name.stop" ] || [ -e "$folder/stop" ]; then exit 75; fi
	umask 022
	cd /
	export HOME=/root LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	status=0
	if [ -n "$fed" ]; then
		sh -eu "$folder/$name.sh" || status=$?
	else
		sh -eu "$folder/$name.sh" < /dev/null || status=$?
	fi
	rm -f "$folder/$name.sh" "$folder/$name.group"
	# 255 is what ssh itself says when the connection is lost.
	if [ "$status" -eq 255 ]; then status=254; fi
	exit "$status"
}

folder=/run/wharf/$connection
main
