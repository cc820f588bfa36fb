#!/bin/sh
# What can be reached from this machine: URLS, and PEERS (name,address,protocol,port), separated by blanks. CA (PEM) is
# for the URLs, CURL_CONFIG (credentials) for those that are OWN_URLS as well. A line for each answer, its columns
# separated by tabs.
set -u

url() {
  # Some registries refuse HEAD where their specification has GET.
  case $1 in */v2/) method=-L ;; *) method=-IL ;; esac
  config=
  case " ${OWN_URLS:-} " in *" $1 "*) config=${CURL_CONFIG:-} ;; esac
  # By standard input, so that no process list shows it.
  answer=$(printf '%s\n' "$config" | curl -sS -K - -o /dev/null $method -m 15 ${CA:+--cacert "$folder/ca"} \
    -w '%{http_code}\t%{time_total}' "$1" 2> "$2") || true
  printf 'url\t%s\t%s\t%s\n' "$1" "$answer" "$(tr -d '\r' < "$2" | head -n 1)"
}

# Nobody need listen: "refused" comes from the machine itself, so the way there is open; a firewall that drops says nothing.
peer() {
  seconds=$(date +%s%N)
  if [ "$3" = udp ]; then
    answer=$(timeout 3 bash -c "exec 3<> /dev/udp/$2/$4; for n in 1 2 3; do echo >&3 || exit 1; sleep 0.3; done" 2>&1)
  else
    answer=$(timeout 5 bash -c ": < /dev/tcp/$2/$4" 2>&1)
  fi
  status=$?
  case $status:$answer in
    124:*) answer=silent ;;
    0:*) if [ "$3" = udp ]; then answer=silent; else answer=open; fi ;;
    *refused*) answer=refused ;;
    *) answer=$(echo "$answer" | head -n 1 | sed 's/.*: //') ;;
  esac
  printf 'peer\t%s\t%s\t%s\t%s\t%s\n' "$1" "$3" "$4" "$answer" "$((($(date +%s%N) - seconds) / 1000000))"
}

main() {
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 129' HUP INT TERM
  [ -z "${CA:-}" ] || printf '%s\n' "$CA" > "$folder/ca"
  number=0
  for each in $PEERS; do
    number=$((number + 1))
    # shellcheck disable=SC2046 # four words
    peer $(echo "$each" | tr , ' ') > "$folder/$number.answer" &
  done
  command -v curl > /dev/null || printf 'no-program\tcurl\tcurl\n' > "$folder/curl.answer"
  for each in $URLS; do
    [ ! -e "$folder/curl.answer" ] || break
    number=$((number + 1))
    url "$each" "$folder/$number" > "$folder/$number.answer" &
  done
  wait
  cat "$folder"/*.answer
}

main "$@"
