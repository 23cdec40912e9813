#!/bin/bash
# simple_container.sh: a container by hand, in three steps
#
# Usage: sudo ./simple_container.sh
#
#   2a  a root of its own: container_prog and the libraries that it needs, nothing else
#   2b  the same in a new PID and a new UTS namespace
#   2c  the same, allowed half of one core by a cgroup (v2)
#
# Runs ./container_prog, which is compiled where there is only container_prog.c. Leaves nothing behind.
# Exit status: 0, or 1 when a step failed.
#
# See ldd(1), cp(1), chroot(1), unshare(1), cgroups(7).
cd "$(dirname "$0")" || exit

root=container_root
tree=/sys/fs/cgroup
group=$tree/simple_container.$$
subtree=$tree/cgroup.subtree_control
enabled=no # have we enabled the cpu controller?

fail() { # TEXT...
	echo "simple_container.sh: $*" >&2
	exit 1
}

todo() { # PART
	fail "part $1 is not written yet"
}

# The kernel takes a moment until it sees that a cgroup's last process has ended.
remove_cgroup() {
	local deadline=$((SECONDS + 5))
	until rmdir "$group" 2>/dev/null; do
		((SECONDS < deadline)) || fail "cannot remove $group"
		sleep 0.05
	done
}

clean_up() {
	rm -rf "$root"
	[ ! -d "$group" ] || remove_cgroup
	[ "$enabled" = no ] || echo -cpu >"$subtree"
}

prepare() {
	[ "$(id -u)" = 0 ] || fail "needs root (try: sudo ./simple_container.sh)"
	if [ ! -x container_prog ]; then
		gcc -o container_prog container_prog.c || fail "cannot compile container_prog.c"
	fi
	trap clean_up EXIT
	trap 'exit 1' INT TERM HUP
	rm -rf "$root"
	mkdir "$root" || exit
}

subtask_2a() {
	echo "Output Subtask 2a"
	# SOLUTION 2a: `container_prog subtask1` runs in $root, with its libraries: ldd(1), cp(1), chroot(1)
	local library
	cp container_prog "$root" || exit
	# A static program has none.
	for library in $(ldd container_prog 2>/dev/null | grep -o '/[^ ]*'); do
		cp --parents "$library" "$root" || exit
	done
	chroot "$root" /container_prog subtask1 || fail "subtask 2a failed"
	# END 2a
	echo
}

subtask_2b() {
	echo "Output Subtask 2b"
	# SOLUTION 2b: `container_prog subtask2` in $root, with process numbers and a hostname of its own: unshare(1)
	unshare --pid --uts --fork --kill-child chroot "$root" /container_prog subtask2 || fail "subtask 2b failed"
	# END 2b
	echo "Hostname of the host: $(hostname)"
	echo
}

# The controller is there for children only once their parent has it in subtree_control.
enable_cpu() {
	grep -qw cpu "$tree/cgroup.controllers" 2>/dev/null ||
		fail "there is no cgroup v2 with a cpu controller at $tree"
	if ! grep -qw cpu "$subtree"; then
		echo +cpu >"$subtree" || fail "cannot enable the cpu controller"
		enabled=yes
	fi
}

subtask_2c() {
	echo "Output Subtask 2c"
	# SOLUTION 2c: `container_prog subtask3` as in 2b, but in a new cgroup that allows 0.5 s of each second: cgroups(7), cpu.max
	enable_cpu
	mkdir "$group" || exit
	echo "500000 1000000" >"$group/cpu.max" || fail "cannot set the limit"
	echo "Limit: cpu.max = $(cat "$group/cpu.max")"
	# A shell moves itself, and all that it starts is born there.
	(echo "$BASHPID" >"$group/cgroup.procs" &&
		exec unshare --pid --uts --fork --kill-child chroot "$root" /container_prog subtask3) || fail "subtask 2c failed"
	# END 2c
}

prepare
subtask_2a
subtask_2b
subtask_2c
