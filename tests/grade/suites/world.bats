#!/usr/bin/env bats
# The grader's sandbox for trusted submissions, tests/grade/sandbox/world, and the Debian root in it:
# it is as a host of one's own to a submission, and what goes wrong there ends at its walls.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # the world's shell expands what stands in single quotes

load ../../helpers

SANDBOX=$TOP/tests/grade/sandbox
WORLD_PROGRAM=${WORLD_PROGRAM:-$SANDBOX/world}

setup_file() {
	require_lab
}

setup() {
	requires machine_root cgroup_v2 overlay
	GRADE_ROOT=$("$SANDBOX/root" --find 2>/dev/null) || skip "the Debian root isn't built (sudo tests/grade/sandbox/root)"
	export GRADE_ROOT
	STATE=$BATS_TEST_TMPDIR/state
	SUBMISSION=$BATS_TEST_TMPDIR/submission
	mkdir "$SUBMISSION"
	echo 'echo from the submission' >"$SUBMISSION/hello.sh"
	# Its links are up a moment after the lab; the settings of others are none of ours.
	snapshot_world mounts links cgroups processes sockets names
}

teardown() {
	[ -n "${STATE:-}" ] || return 0 # skipped
	local state
	for state in "$STATE" "$STATE".*; do
		[ ! -d "$state" ] || "$WORLD_PROGRAM" stop "$state"
	done
	assert_world_unchanged
}

start() { # [OPTION...]
	"$WORLD_PROGRAM" start --submission "$SUBMISSION" "$@" "$STATE" 3>&-
}

# In the world, with no input; 20 seconds are more than any of these takes.
inside() { # COMMAND...
	"$WORLD_PROGRAM" exec --seconds $((20 * ${TEST_SLOWNESS:-1})) "$STATE" -- "$@" </dev/null 3>&-
}

# The first line of every attack, after start: it must meet walls, or it is the machine that it
# destroys. Nothing of these checks does harm where there are none.
assert_walls() {
	local kind
	[ -e "$TOP/tests/grade/suites/world.bats" ]
	run -0 inside /bin/bash -c 'for file; do [ ! -e "$file" ] || echo "there is $file"; done' - \
		"$TOP/tests/grade/suites/world.bats" "$BATS_TEST_TMPDIR" "$GRADE_ROOT"
	assert_equal "$output" ""
	for kind in mnt pid ipc uts; do
		run -0 inside /bin/readlink "/proc/self/ns/$kind"
		refute test "$output" = "$(readlink "/proc/self/ns/$kind")"
	done
	run -0 inside /bin/stat -f -c %T /
	assert_equal "$output" overlayfs
	run -0 process_limit
	assert_matches "$output" '^[0-9]+$'
}

# Of the world's cgroup, from outside: a number, or "max".
process_limit() {
	cat "$(sed -n 's/^cgroup . . //p' "$STATE/world" | while read -r cgroup; do
		ls "$cgroup/pids.max" 2>/dev/null || :
	done)"
}

init_pid() {
	sed -n 's/^init \([0-9]*\) .*/\1/p' "$STATE/world"
}

# --- what it is -----------------------------------------------------------------------------------

@test "world: root in own mount, PID, UTS, IPC and cgroup namespaces, and in the caller's network" {
	local kind
	start --hostname host7
	for kind in mnt pid uts ipc cgroup; do
		refute test "$(readlink "/proc/$(init_pid)/ns/$kind")" = "$(readlink "/proc/self/ns/$kind")"
		assert_equal "$(inside readlink "/proc/self/ns/$kind")" "$(readlink "/proc/$(init_pid)/ns/$kind")"
	done
	for kind in net user; do
		assert_equal "$(inside readlink "/proc/self/ns/$kind")" "$(readlink "/proc/self/ns/$kind")"
	done
	run -0 inside bash -c 'id -u; hostname; pwd; bash hello.sh; cat /proc/1/comm; cat /etc/hostname'
	assert_equal "$output" "0
host7
/submission
from the submission
init
host7"
}

@test "world: the copy of the submission is changed, the submission is not" {
	start
	inside bash -c 'rm hello.sh; echo new >other'
	assert_equal "$(ls "$SUBMISSION")" hello.sh
	"$WORLD_PROGRAM" stop "$STATE"
	start
	run -0 inside ls
	assert_equal "$output" hello.sh
}

@test "world exec: COMMAND's exit status; 128 and a signal, 127 not found, 126 cannot be run" {
	start
	run -7 inside bash -c 'exit 7'
	run -143 inside bash -c 'kill $$'
	run -127 inside no-such-command
	assert_equal "$output" "world: exec: cannot run no-such-command: No such file or directory"
	run -126 inside ./hello.sh
	assert_equal "$output" "world: exec: cannot run ./hello.sh: Permission denied"
}

@test "world exec: --seconds ends it with 124, and what it started with it" {
	start
	run -124 "$WORLD_PROGRAM" exec --seconds 1 "$STATE" -- bash -c 'sleep 1000 & sleep 1001'
	run inside ps -e -o comm=
	refute_contains "$output" sleep
}

@test "world exec: no world, a stopped one, or a wrong call is 125 and a line" {
	run -125 "$WORLD_PROGRAM" exec "$STATE" -- true
	assert_equal "$output" "world: exec: $STATE: no world: No such file or directory"
	start
	kill -9 "$(init_pid)"
	ended() { refute test -d "/proc/$(init_pid)" 2>/dev/null; }
	wait_until 5 ended
	run -125 "$WORLD_PROGRAM" exec "$STATE" -- true
	assert_equal "$output" "world: exec: $STATE: the world has ended: No such process"
	run -125 "$WORLD_PROGRAM" exec "$STATE"
	run -125 "$WORLD_PROGRAM" exec --nonsense "$STATE" -- true
}

@test "world exec: standard input passes, and both outputs stay apart" {
	start
	run -0 --separate-stderr "$WORLD_PROGRAM" exec "$STATE" -- bash -c 'cat; echo e >&2' <<<"some input"
	assert_equal "$output" "some input"
	assert_equal "$stderr" e
	# More than a pipe holds, in both directions at once.
	run -0 bash -c 'seq 200000 | "$1" exec "$2" -- cat | cmp - <(seq 200000)' - "$WORLD_PROGRAM" "$STATE"
}

@test "world exec: --output cuts each stream, says by how much, and COMMAND goes on" {
	start
	run -3 --separate-stderr "$WORLD_PROGRAM" exec --output 10 "$STATE" -- bash -c 'echo 123456789abcdef; exit 3'
	assert_equal "$output" 123456789a
	assert_equal "$stderr" "world: exec: standard output: 6 bytes more than 10 were discarded"
	run -124 --separate-stderr "$WORLD_PROGRAM" exec --seconds 1 --output 1K "$STATE" -- yes
	assert_equal "${#output}" 1023
}

@test "world exec: it ends with COMMAND, whoever else holds its output" {
	start
	run -0 inside bash -c 'sleep 1000 & setsid sleep 1000 & echo ended'
	assert_equal "$output" ended
	run -0 bash -c '"$1" exec --pty "$2" -- bash -c "setsid sleep 1000 & echo ended"' - "$WORLD_PROGRAM" "$STATE"
	assert_equal "$output" ended
}

@test "world exec --pty: a terminal of the world's, its text as it was written" {
	start
	run -9 "$WORLD_PROGRAM" exec --pty "$STATE" -- bash -c 'tty; test -t 0 -a -t 1 -a -t 2 && echo terminal; exit 9'
	assert_equal "$output" "/dev/pts/0
terminal"
	run -0 "$WORLD_PROGRAM" exec --pty "$STATE" -- bash -c 'read -r line; echo "got: $line"; cat' <<<"typed"
	assert_equal "$output" "got: typed"
	refute_contains "$output" $'\r'
}

@test "world exec: of the judge's nothing comes along: descriptors, environment, terminal, processes" {
	start
	exec 9<"$TOP/README.md"
	SECRET=secret run -0 inside bash -c 'ls /proc/self/fd; env; ls /proc/1/fd; tr "\0" " " </proc/1/environ
		tr "\0" " " </proc/1/cmdline; echo; ps -e -o pid=,tty=,comm='
	exec 9<&-
	refute_contains "$output" secret
	refute_contains "$output" bats
	refute_contains "$output" "$TOP"
	# 3 is the directory that ls reads.
	assert_equal "${lines[*]:0:4}" "0 1 2 3"
	assert_line "init "
	assert_equal "$(awk '$2 == "?" { print $3 }' <<<"$output" | sort | xargs)" "init ps"
}

@test "world exec: kill -9 of it kills COMMAND" {
	start
	"$WORLD_PROGRAM" exec "$STATE" -- sleep 1000 3>&- &
	local job=$!
	sleeps() { inside ps -e -o comm= | grep -qx sleep; }
	no_sleep() { refute sleeps 2>/dev/null; }
	wait_until 5 sleeps
	kill -9 $job
	wait_until 5 no_sleep
	wait $job || :
}

@test "world exec: it can be traced" {
	requires strace
	start
	run -7 strace -f -o "$BATS_TEST_TMPDIR/trace" "$WORLD_PROGRAM" exec "$STATE" -- bash -c 'echo traced; exit 7'
	assert_equal "$output" traced
	grep -q 'execve("/usr/bin/bash"' "$BATS_TEST_TMPDIR/trace"
}

@test "world: process 1 reaps orphans" {
	start
	run -0 inside bash -c '(sleep 0.1 & exec true); (bash -c "exit 3" & ) ; sleep 0.3; ps -e -o stat=,comm='
	refute_contains "$output" Z
}

# --- as a host of one's own -----------------------------------------------------------------------

@test "world: debootstrap hands out a root in a second, whatever suite and mirror" {
	start
	run -0 inside bash -c 'debootstrap --variant=minbase --arch=amd64 --include=iproute2,procps jammy \
		/tmp/root http://192.0.2.1/ && chroot /tmp/root bash -c "which bash mount ip ping ps ls"'
	assert_line "/usr/bin/ping"
	assert_line "I: a ready Debian for jammy is unpacked to /tmp/root"
	run -1 inside debootstrap --nonsense stable /tmp/other
	assert_equal "$output" "E: unrecognized or invalid option --nonsense"
	run -1 inside debootstrap stable
}

@test "world: there is what scripts of the course call, and no docker, podman or runc" {
	start
	run -0 inside which gcc make bash ip ping iptables top ps which debootstrap unshare nsenter mount curl
	run -1 inside which docker podman runc
	run -0 inside bash -c 'echo "int main(void) { return 0; }" >a.c && gcc -static a.c -o a && ./a && iptables -V'
	assert_contains "$output" nf_tables
}

@test "world: a container made by hand: unshare, overlay, pivot_root, /proc, /sys, /dev, ip netns" {
	start
	cat >"$SUBMISSION/../script" <<-'SCRIPT'
		set -e
		debootstrap x /submission/image >/dev/null
		mkdir upper work root
		mount -t overlay overlay -o lowerdir=image,upperdir=upper,workdir=work root
		cp -a /dev/null /dev/zero root/dev/
		mknod -m 666 root/dev/random c 1 8
		mkfifo ready go
		unshare --mount --pid --uts --net --ipc --fork bash -c '
			mount --make-rprivate /
			hostname inner
			mount -t proc proc root/proc
			mount -t sysfs sysfs root/sys
			mkdir root/old
			cd root
			pivot_root . old
			umount -l /old
			head -c 4 /dev/random >/dev/null
			echo "$(hostname) $(ps -p 1 -o comm=) $(ls /sys/class/net)"
			exec bash -c "echo >/submission.ready; read x"' <go >out &
		exec 9>go
		mkdir -p /run/netns
		until [ -e upper/submission.ready ]; do sleep 0.05; done
		ln -s /proc/$(pgrep -P $(pgrep -x unshare))/ns/net /run/netns/inner
		ip link add outer0 type veth peer name inner0
		ip link set inner0 netns inner
		ip addr add 192.168.7.1/24 dev outer0
		ip link set outer0 up
		ip netns exec inner ip addr add 192.168.7.2/24 dev inner0
		ip netns exec inner ip link set inner0 up
		ip netns exec inner ip route add default via 192.168.7.1
		echo 1 >/proc/sys/net/ipv4/ip_forward
		iptables -t nat -A POSTROUTING -s 192.168.7.0/24 -j MASQUERADE
		iptables -A FORWARD -o outer0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		ip netns exec inner curl -s http://203.0.113.1/source
		cat out
	SCRIPT
	run -0 "$LAB" bash -c '"$1" start "$2.inner" && "$1" exec --seconds 60 "$2.inner" -- bash <"$2/../script"
		status=$?; "$1" stop "$2.inner"; exit $status' - "$WORLD_PROGRAM" "$STATE"
	assert_equal "$output" "203.0.113.2
inner bash lo"
}

@test "world: what isn't made private spreads, as on a host that systemd runs" {
	start
	run -0 inside bash -c 'unshare --mount --propagation unchanged mount -t tmpfs leaked /mnt; grep -c leaked /proc/mounts'
	assert_equal "$output" 1
}

@test "world: its part of each cgroup tree is the root that it sees, and its limits are not in it" {
	start --processes 50
	run -0 inside cat /proc/self/cgroup
	refute_contains "$output" world-
	assert_equal "$(process_limit)" 50
	run -0 inside bash -c 'tree=/sys/fs/cgroup; [ ! -d $tree/pids ] || tree=$tree/pids; mkdir $tree/mine &&
		cat $tree/mine/pids.max'
	assert_equal "$output" max
}

# --- accidents ------------------------------------------------------------------------------------

@test "world: no file of the machine's, no home directory and no other world is there" {
	local canary
	canary=$(random_name canary)
	touch "$BATS_TEST_TMPDIR/$canary"
	start
	"$WORLD_PROGRAM" start --hostname other "$STATE.other"
	"$WORLD_PROGRAM" exec "$STATE.other" -- bash -c "touch /tmp/$canary /dev/shm/$canary /run/$canary; sleep 1000 &"
	inside touch "/tmp/mine$canary"
	run -0 inside find / -name "*$canary"
	assert_equal "$output" "/tmp/mine$canary"
	run -0 inside bash -c 'ls -A /home /root /mnt /media /srv; ps -e -o comm='
	refute_contains "$output" sleep
	refute_contains "$output" bats
	"$WORLD_PROGRAM" stop "$STATE.other"
}

@test "world: rm -rf / empties it, and nothing else" {
	local before
	before=$(find "$GRADE_ROOT" | wc -l)
	start
	assert_walls
	inside bash -c 'mkdir /tmp/d && mount --bind /submission /tmp/d; rm -rf --no-preserve-root / 2>/dev/null; true'
	run -127 inside ls
	assert_equal "$(find "$GRADE_ROOT" | wc -l)" "$before"
	assert_equal "$(ls "$SUBMISSION")" hello.sh
	[ -e /bin/bash ] && [ -c /dev/null ]
	"$WORLD_PROGRAM" stop "$STATE"
}

@test "world: kill -9 -1 ends what runs there, not process 1 and not the judge's" {
	start
	assert_walls
	sleep 1000 3>&- &
	run inside bash -c 'sleep 1000 & kill -9 -1; kill -9 1; echo alive'
	run -0 inside ps -e -o comm=
	assert_line init
	kill -0 $!
	kill $!
	wait $! || :
}

@test "world: a fork bomb meets the limit, and the judge still gets an answer" {
	start --processes 100
	assert_walls
	run -124 "$WORLD_PROGRAM" exec --seconds 2 "$STATE" -- bash -c ':() { : | : & }; :; sleep 1000'
	# A shell that it has left may take the last place: exec itself needs none.
	run -0 "$WORLD_PROGRAM" exec "$STATE" -- /bin/echo answer
	assert_equal "$output" answer
	"$WORLD_PROGRAM" stop "$STATE"
}

@test "world: a full disk and full memory are its own" {
	start --disk 20M --memory 100M
	assert_walls
	run -1 inside dd if=/dev/zero of=/tmp/full bs=1M
	assert_contains "$output" "No space left on device"
	run -1 inside bash -c 'echo more >/etc/motd && echo more >/submission/more'
	inside rm /tmp/full
	run -137 inside bash -c 'set -o pipefail; head -c 200M /dev/zero | tail -c 200M >/dev/null'
	run -0 inside echo answer
}

@test "world: > /etc/resolv.conf, a new hostname, mounts over everything: the judge's are as they were" {
	start
	assert_walls
	# What the judge has is compared by teardown.
	inside bash -c '>/etc/resolv.conf; >/etc/hosts; hostname broken; mount -t tmpfs none /etc; mount -t tmpfs none /usr'
	run -127 inside ls
}

@test "world: iptables -F flushes its lab's rules, not those of the network around it" {
	requires nft
	nft add table ip canary
	run -0 "$LAB" bash -c 'nft add table ip filter; "$1" start "$2.inner" && "$1" exec "$2.inner" -- bash -c "
		iptables -F; iptables -t nat -F; iptables -P FORWARD DROP; ip link del uplink; ip link set lo down"
		nft list ruleset; "$1" stop "$2.inner"' - "$WORLD_PROGRAM" "$STATE"
	assert_contains "$output" "policy drop"
	run -0 nft list tables
	assert_equal "$output" "table ip canary"
	nft delete table ip canary
}

@test "world: the machine's settings can't be written, whichever proc is asked; its own can" {
	start
	assert_walls
	local before
	before=$(cat /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness)
	run inside bash -c 'echo x >/proc/sys/kernel/core_pattern; echo 1 >/proc/sys/vm/swappiness
		mount -t proc proc /mnt; echo y >/mnt/sys/kernel/core_pattern; echo 2 >/mnt/sys/vm/swappiness'
	assert_equal "$(grep -c 'Read-only file system' <<<"$output")" 2
	assert_equal "$(grep -c 'Operation not permitted' <<<"$output")" 2
	assert_equal "$(cat /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness)" "$before"
	run -0 inside bash -c 'echo 1 >/mnt/sys/net/ipv4/ip_forward && echo 0 >/proc/sys/net/ipv4/ip_forward &&
		echo newname >/proc/sys/kernel/hostname && hostname'
	assert_equal "$output" newname
	run inside bash -c 'echo b >/proc/sysrq-trigger'
	assert_matches "$output" 'Read-only file system|No such file or directory'
	run -1 inside bash -c 'echo 1 >/sys/kernel/mm/ksm/run'
	assert_contains "$output" "Read-only file system"
}

@test "world: nodes of all devices can be made, and those of disks, memory and the log not opened" {
	start
	assert_walls
	local device number
	run -0 inside bash -c 'mknod n c 1 3 && echo x >n && cp -a /dev/zero z && head -c 3 z | od -An -c'
	assert_equal "$output" '  \0  \0  \0'
	device=$(awk 'NR > 2 { print $1, $2; exit }' /proc/partitions)
	for number in "b ${device:-8 0}" "c 1 1" "c 1 11" "c 10 237" "c 5 1"; do
		run -1 inside bash -c "rm -f d; mknod d $number && : <d"
		assert_contains "$output" "Operation not permitted"
	done
}

@test "world: capabilities that reach the machine are gone, also from the bounding set" {
	start
	local bounding bit
	bounding=0x$(inside sed -n 's/^CapBnd:\t//p' /proc/self/status)
	# MKNOD, SYS_ADMIN, NET_ADMIN, SYS_CHROOT, SYS_PTRACE: needed
	for bit in 27 21 12 18 19; do
		(((bounding >> bit) & 1))
	done
	# SYS_MODULE RAWIO PACCT BOOT TIME AUDIT_WRITE AUDIT_CONTROL MAC_OVERRIDE MAC_ADMIN SYSLOG
	for bit in 16 17 20 22 25 29 30 32 33 34; do
		(((bounding >> bit & 1) == 0))
	done
	run -1 inside dmesg
	run -1 inside date -s 2000-01-01
}

# --- nothing is left ------------------------------------------------------------------------------

@test "world stop: all processes, cgroups and mounts are gone, also when process 1 was killed" {
	start
	inside bash -c 'mkdir -p /sys/fs/cgroup/unified/a/b /sys/fs/cgroup/a 2>/dev/null; sleep 1000 & setsid sleep 1000 &'
	"$WORLD_PROGRAM" stop "$STATE"
	assert_world_unchanged
	start
	kill -9 "$(init_pid)"
	"$WORLD_PROGRAM" stop "$STATE"
	refute test -e "$STATE"
	run -1 "$WORLD_PROGRAM" stop "$STATE"
	assert_equal "$output" "world: stop: $STATE: no world: No such file or directory"
}

@test "world start: what it can't finish leaves nothing, and one line" {
	head -c 3M /dev/zero >"$SUBMISSION/large"
	run -1 start --disk 1M
	assert_matches "$output" '^world: start: cannot copy the submission: cp: .*No space left on device$'
	refute test -e "$STATE"
	run -1 "$WORLD_PROGRAM" start --root /nowhere "$STATE"
	assert_equal "$output" "world: start: /nowhere: no root directory: No such file or directory (try: tests/grade/sandbox/root)"
	run -1 "$WORLD_PROGRAM" start --root "$SUBMISSION" "$STATE"
	refute test -e "$STATE"
	start_twice() { "$WORLD_PROGRAM" start "$STATE" && "$WORLD_PROGRAM" start "$STATE"; }
	run -1 start_twice
	assert_contains "$output" "File exists (a world of that name may be running: world stop)"
}

@test "world: whoever isn't root is told so; wrong calls are 2" {
	requires setpriv
	run -1 as_nobody "$WORLD_PROGRAM" start --root / /tmp/never
	assert_equal "$output" "world: start: only the machine's own root can make a world (try: sudo; or grade in the vm)"
	run -2 "$WORLD_PROGRAM" start
	run -2 "$WORLD_PROGRAM" start --memory lots "$STATE"
	run -2 "$WORLD_PROGRAM" start --hostname 'a b' "$STATE"
	run -2 "$WORLD_PROGRAM" nonsense
	run -2 "$WORLD_PROGRAM"
}
