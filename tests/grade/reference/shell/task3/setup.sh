#!/bin/bash
# setup.sh: checks that this machine has what conductor.sh needs. Changes nothing.
#
# Usage: sudo ./setup.sh
#
# Exit status: 0 when all is there, 1 when something is missing.
cd "$(dirname "$0")" || exit
status=0

missing() { # WHAT HOW-TO-GET-IT
	echo "setup.sh: $1 is missing ($2)" >&2
	status=1
}

# Command and the Debian package that has it.
while read -r command package; do
	command -v "$command" >/dev/null || missing "$command" "try: apt-get install $package"
done <<'COMMANDS'
debootstrap debootstrap
ip iproute2
ss iproute2
iptables iptables
unshare util-linux
nsenter util-linux
flock util-linux
getopt util-linux
mount mount
hostname hostname
chroot coreutils
tar tar
COMMANDS

[ "$(id -u)" = 0 ] || missing "root" "try: sudo ./setup.sh"
for kind in uts pid net mnt ipc; do
	[ -e "/proc/self/ns/$kind" ] || missing "the kernel's $kind namespace" "another kernel"
done

here=$PWD
# shellcheck source-path=SCRIPTDIR source=config.sh
. ./config.sh
[ -n "$UPLINK" ] || missing "a default route" "set UPLINK in config.sh"
[ $status != 0 ] || echo "all is there"
exit $status
