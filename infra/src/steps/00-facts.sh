#!/bin/sh
# What this machine is, before anything is done to it. ADDRESS and PORTS are those it is to have in the cluster.
fact() { echo "fact: $1=$2"; }

# Who listens on a port: its program, or "another program" where that cannot be seen.
taken_by() { # PORT
  ss -Hltnp "sport = :$1" | awk 'NR == 1 { found = 1; if (split($0, part, "\"") > 1) name = part[2] }
    END { if (found) print name ? name : "another program" }'
}

main() {
  fact architecture "$(dpkg --print-architecture 2> /dev/null || uname -m)"
  # shellcheck source=/dev/null
  fact system "$(. /etc/os-release && echo "$PRETTY_NAME")"
  fact apt "$(command -v apt-get > /dev/null && echo yes || echo no)"
  fact systemd "$([ -d /run/systemd/system ] && echo yes || echo no)"
  fact user "$(id -u)"
  fact cores "$(nproc)"
  fact memoryMib "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
  fact cgroup "$([ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] && echo 2 || echo 1)"
  # kubelet and containerd lower their children's score: without CAP_SYS_RESOURCE the kernel refuses it.
  fact lowersOomScore "$(sh -c 'echo -999 > /proc/self/oom_score_adj' 2> /dev/null && echo yes || echo no)"
  fact hasAddress "$(ip -o addr show | grep -qwF "inet $ADDRESS" && echo yes || ip -o addr show | grep -qF " $ADDRESS/" && echo yes || echo no)"
  fact time "$(date +%s)"
  fact member "$([ -s /etc/kubernetes/kubelet.conf ] && echo yes || echo no)"
  fact begun "$([ -e "$BEGUN" ] || [ -e "$NOTE" ] && echo yes || echo no)"
  is_ours || fact foreign "$(foreign_cluster)"
  for package in containerd containerd.io docker.io docker-ce cri-o; do
    version=$(dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$package" 2> /dev/null | sed -n 's/^installed //p')
    [ -z "$version" ] || fact package "$package $version"
  done
  for port in $PORTS; do
    program=$(taken_by "$port")
    [ -z "$program" ] || fact "port$port" "$program"
  done
}

main "$@"
