#!/bin/sh
# containerd's configuration, from its own defaults: SETTINGS (lines `table key value`) for CONFIG_VERSION. Then its
# unit, and it runs; crictl knows where. It is restarted only when something it reads has changed.
config=/etc/containerd/config.toml

set_value() { # TABLE KEY VALUE; tables are quoted in one way or the other, and are compared without
  awk -v table="$1" -v key="$2" -v value="$3" '
    /^[[:space:]]*\[/ { here = $0; gsub(/[][" \047\t]/, "", here) }
    here == table && $1 == key && $2 == "=" { sub(/=.*/, "= " value); done = 1 }
    { print }
    END { exit !done }' "$WORK/config" > "$WORK/next" ||
    fail "containerd's default configuration has no $2 in $1" "this version of containerd needs settings of its own: see infra/README.md"
  mv "$WORK/next" "$WORK/config"
}

configure() {
  if ! command -v containerd > /dev/null; then # in a dry run
    changed "$config"
    return
  fi
  containerd config default > "$WORK/config"
  grep -q "^version = $CONFIG_VERSION$" "$WORK/config" ||
    fail "containerd's configuration has $(grep '^version' "$WORK/config"), and $CONFIG_VERSION is expected" "give the profile's containerdConfig"
  echo "$SETTINGS" > "$WORK/settings"
  while read -r table key value; do set_value "$table" "$key" "$value"; done < "$WORK/settings"
  put "$config" 644 < "$WORK/config"
}

main() {
  put /etc/crictl.yaml 644 << EOF
runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
timeout: 10
EOF
  configure
  put /usr/local/lib/systemd/system/containerd.service 644 << EOF
[Unit]
Description=containerd container runtime
After=network.target dbus.service

[Service]
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/local/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
EOF
  serve containerd
}

main "$@"
