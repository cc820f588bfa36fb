import { expect, test } from "vitest";

import { likelyCause, likelyLoginCause } from "./likely-cause.ts";

test.each([
  ["tar: write error: No space left on device", "disk is full"],
  ["E: You don't have enough free space in /var/cache/apt/archives/.", "disk is full"],
  ["E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (apt)", "unattended-upgrades"],
  ["E: dpkg was interrupted, you must manually run 'dpkg --configure -a'", "dpkg --configure -a"],
  ["curl: (6) Could not resolve host: mirror", "resolve a name"],
  ["Temporary failure resolving 'deb.debian.org'", "resolve a name"],
  ["E: Release file for http://m/InRelease is not valid yet (invalid for another 59min)", "clock"],
  ["x509: certificate has expired or is not yet valid", "clock"],
  ["curl: (60) SSL certificate problem: unable to get local issuer certificate", "sources.ca"],
  ["curl: (22) The requested URL returned error: 401", "credentials"],
  ["curl: (22) The requested URL returned error: 404", "does not have that version"],
  ["curl: (7) Failed to connect to mirror port 80", "does not answer"],
  ["dial tcp 192.0.2.1:6443: connect: connection refused", "does not answer"],
  ["modprobe: FATAL: Module br_netfilter not found in directory /lib/modules/6.1", "lacks a module"],
  ["[ERROR Swap]: running with swap on is not supported", "Swap is on"],
  ["[ERROR Port-10250]: Port 10250 is in use", "has a port"],
  ["[ERROR NumCPU]: the number of available CPUs 1 is less than the required 2", "too small"],
  ["kubelet is configured to not run on a host using cgroup v1", "cgroup version 1"],
  ["sh: 1: /usr/local/bin/runc: Exec format error", "another architecture"],
])("%j", (output, cause) => {
  expect(likelyCause(output)).toContain(cause);
});

test.each([
  ["root@192.0.2.1: Permission denied (publickey,password).", "authorized_keys"],
  ["ssh: connect to host 192.0.2.1 port 22: Connection refused", "is sshd running"],
  ["ssh: connect to host 192.0.2.1 port 22: Connection timed out", "is the address right"],
  ["ssh: Could not resolve hostname nowhere: Name or service not known", "cannot be resolved"],
  ["Host key verification failed.", "known_hosts"],
  ["sudo: a password is required", "NOPASSWD"],
  ["sh: 1: sudo: not found", "see sudo"],
  ["WARNING: UNPROTECTED PRIVATE KEY FILE! Permissions 0644 are too open", "chmod 600"],
  ["spawn ssh ENOENT", "install the OpenSSH client"],
])("login: %j", (output, cause) => {
  expect(likelyLoginCause(output)).toContain(cause);
});

test("what is not known is not guessed at", () => {
  expect(likelyCause("something else")).toBeUndefined();
  expect(likelyLoginCause("something else")).toBeUndefined();
});
