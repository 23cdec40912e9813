#!/usr/bin/env bats
# Pure cgroup v2, the taught way: what the kernel's own files say of limits while a program runs.
# It runs wherever cgroups are so; on CI's hybrid machine that is tests/vm, the virtual machine.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # the container's shell expands what stands in single quotes

load ../helpers

setup_file() {
	require_lab
	CONDUCTOR_ROOT=$BATS_FILE_TMPDIR/state
	export CONDUCTOR_ROOT
	"$CONDUCTOR" build host
}

setup() {
	requires pure_v2 cgroup_cpu cgroup_memory cgroup_pids overlay
	NAME=$(random_name c)
	export TMPDIR=$BATS_TEST_TMPDIR
	snapshot_world
}

teardown() {
	[ -n "${NAME:-}" ] || return 0 # skipped
	"$CONDUCTOR" stop -t 0 "$NAME" 2>/dev/null || :
	if [ -n "${job:-}" ]; then
		wait "$job" || :
	fi
	assert_world_unchanged
}

# The directory of the cgroup that the kernel has this process in.
cgroup_of() { # PID
	echo "$(cgroup_v2_trees | tail -n 1)$(sed 's/^0:://' "/proc/$1/cgroup")"
}

# The container's first process, as its parent sees it.
init_of() { # NAME
	local pid
	pid=$("$CONDUCTOR" ps --json | sed -nE 's/.*"name": "'"$1"'".*"pid": ([0-9]+).*/\1/p')
	# The kernel's word for it: process 1 of a PID namespace below ours.
	assert_matches "$(grep NSpid "/proc/$pid/status")" "^NSpid:	$pid	1\$"
	echo "$pid"
}

# While it is being made its PID is 0.
is_up() {
	"$CONDUCTOR" ps --json | grep -q '"name": "'"$NAME"'".*"pid": [1-9]'
}

@test "conductor run --cpus 0.5: the running container's own cpu.max reads 500000 1000000" {
	run -0 --separate-stderr "$CONDUCTOR" run -d --cpus 0.5 host "$NAME" -- sleep 1000
	assert_equal "$stderr" ""
	cgroup=$(cgroup_of "$(init_of "$NAME")")
	assert_equal "$(<"$cgroup/cpu.max")" "500000 1000000"
	assert_equal "$(<"$cgroup/cgroup.procs")" "$(init_of "$NAME")"
	"$CONDUCTOR" stop -t 0 "$NAME"
	refute test -e "$cgroup"
}

@test "conductor run --memory --pids-limit: memory.max and pids.max read what was asked for" {
	run -0 "$CONDUCTOR" run -d --memory 64M --pids-limit 20 host "$NAME" -- sleep 1000
	cgroup=$(cgroup_of "$(init_of "$NAME")")
	assert_equal "$(<"$cgroup/memory.max")" $((64 * 1024 * 1024))
	assert_equal "$(<"$cgroup/pids.max")" 20
}

@test "conductor run: the container is born in a cgroup of its own and sees it as the root" {
	run -0 "$CONDUCTOR" run -d host "$NAME" -- sleep 1000
	assert_matches "$(cgroup_of "$(init_of "$NAME")")" "/conductor/$NAME"
	run -0 "$CONDUCTOR" exec "$NAME" -- cat /proc/1/cgroup /proc/self/cgroup
	assert_equal "$output" $'0::/\n0::/'
}

@test "conductor run --memory: a program that takes more is killed, one that takes less is not" {
	# tail keeps in memory what it may have to print. It is process 2: 1 survives to tell.
	local keep='head -c "$1" /dev/zero | tail -c "$1" >/dev/null; exit $?'
	run -0 "$CONDUCTOR" run --rm --memory 64M host "$NAME" -- sh -c "$keep" sh 16M
	run -137 "$CONDUCTOR" run --rm --memory 64M host "$NAME" -- sh -c "$keep" sh 100M
}

@test "conductor run: the child is born in its cgroup, which nobody writes it into" {
	requires strace
	# A file for each process (-ff): in a common one a call that another's interrupts is in two halves.
	strace -ff -qq -s 256 -e trace=clone3,openat,write -o "$TMPDIR/trace" \
		"$CONDUCTOR" run -d --cpus 0.5 host "$NAME" -- sleep 1000 3>&- &
	job=$!
	wait_until 10 is_up
	local cgroup init
	init=$(init_of "$NAME")
	cgroup=$(cgroup_of "$init")
	assert_equal "$(<"$cgroup/cgroup.procs")" "$init"
	"$CONDUCTOR" stop -t 0 "$NAME"
	wait "$job"
	job=
	cat "$TMPDIR"/trace.* >"$TMPDIR/trace"
	# The descriptor of that directory went to clone3, which succeeded: its result is the process.
	local fd
	fd=$(sed -nE 's|.*openat\(.*/conductor/'"$NAME"'-[0-9]+", O_RDONLY.*O_DIRECTORY.*\) = ([0-9]+)$|\1|p' "$TMPDIR/trace")
	assert_matches "$fd" '^[0-9]+$'
	assert_matches "$(grep CLONE_INTO_CGROUP "$TMPDIR/trace")" "CLONE_NEWPID.*cgroup=$fd.* = $init\$"
	# A control: the limit was written where this looks for the move.
	grep -q '/cpu\.max"' "$TMPDIR/trace"
	refute grep -E 'cgroup\.(procs|threads)|tasks"' "$TMPDIR/trace"
}

@test "conductor run --memory: the kernel's kill for want of memory is told; a child's is counted" {
	run -137 --separate-stderr "$CONDUCTOR" run --memory 16M host "$NAME" -- tail /dev/zero
	assert_equal "$stderr" "conductor: run: $NAME: out of memory: the kernel killed a process of it (its limit: 16 MiB)"
	assert_matches "$("$CONDUCTOR" ps | grep "^$NAME ")" " exited \(137\) out of memory "
	run -0 "$CONDUCTOR" inspect "$NAME"
	assert_line out_of_memory=true
	"$CONDUCTOR" stop "$NAME"

	"$CONDUCTOR" run -d --memory 16M host "$NAME" -- sh -c 'tail /dev/zero; exec sleep 1000'
	local cgroup
	cgroup=$(cgroup_of "$(init_of "$NAME")")
	killed() { grep -qx 'oom_kill 1' "$cgroup/memory.events"; }
	wait_until 10 killed
	run -0 "$CONDUCTOR" inspect "$NAME"
	assert_line status=running
	assert_line oom_kills=1
}

@test "conductor run --cpus 0.5: in whole periods it uses half a core at most, and is throttled" {
	"$CONDUCTOR" run -d --cpus 0.5 host "$NAME" -- sh -c 'while :; do :; done'
	local cgroup before=() after=()
	cgroup=$(cgroup_of "$(init_of "$NAME")")
	# One look at the file: between two looks time goes by, more of it the slower the machine.
	counts() { awk '/^nr_periods |^nr_throttled |^usage_usec / { count[$1] = $2 }
		END { print count["nr_periods"], count["nr_throttled"], count["usage_usec"] }' "$cgroup/cpu.stat"; }
	periods_reach() { read -ra after < <(counts) && [ "${after[0]}" -ge "$1" ]; }
	wait_until 5 periods_reach 2
	before=("${after[@]}")
	# By the kernel's own count of periods, a second each, and so many that the part of one at each end weighs little.
	wait_until 20 periods_reach $((before[0] + 8))
	assert_number_between "$(awk -v used=$((after[2] - before[2])) -v periods=$((after[0] - before[0])) \
		'BEGIN { print used / 1e6 / periods }')" 0.2 0.55
	[ "${after[1]}" -gt "${before[1]}" ]
}

@test "conductor run: who is in the cgroup but not in the pid namespace is killed by cgroup.kill" {
	requires strace
	# The container's parent is who removes the cgroup.
	strace -ff -qq -e trace=openat,write,pidfd_open -o "$TMPDIR/trace" \
		"$CONDUCTOR" run host "$NAME" -- sleep 1000 3>&- &
	job=$!
	wait_until 10 is_up
	local cgroup outsider
	cgroup=$(cgroup_of "$(init_of "$NAME")")
	mkdir "$cgroup/below" # as a privileged container may
	sleep 1001 3>&- &
	outsider=$!
	echo "$outsider" >"$cgroup/below/cgroup.procs"
	assert_equal "$(cgroup_of "$outsider")" "$cgroup/below"
	refute test "$(readlink "/proc/$outsider/ns/pid")" = "$(readlink "/proc/$(init_of "$NAME")/ns/pid")"
	"$CONDUCTOR" stop -t 0 "$NAME"
	await "$outsider"
	assert_equal "$status" 137
	wait "$job" || :
	job=
	cat "$TMPDIR"/trace.* >"$TMPDIR/trace"
	assert_matches "$(grep -A 1 '"cgroup.kill"' "$TMPDIR/trace")" '= [0-9]+
.*write\([0-9]+, "1", 1\) += 1'
	refute grep "pidfd_open($outsider," "$TMPDIR/trace" # nobody looked for it
	refute test -e "$cgroup"
}

@test "conductor run --pids-limit: no more processes than allowed" {
	local forks='for i in 1 2 3 4 5 6; do sleep 1000 & done; echo all'
	run -0 --separate-stderr "$CONDUCTOR" run --rm --pids-limit 20 host "$NAME" -- bash -c "$forks"
	assert_equal "$output" all
	run "$CONDUCTOR" run --rm --pids-limit 4 host "$NAME" -- bash -c "$forks"
	refute test "$status" = 0
	assert_contains "$output" "Resource temporarily unavailable"
}

@test "conductor run --cpus: a cgroup that hands down cpuset doesn't hand down cpu yet" {
	local conductors=/sys/fs/cgroup/conductor
	mkdir -p "$conductors"
	echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control
	echo '-cpu +cpuset' >"$conductors/cgroup.subtree_control"
	run -0 --separate-stderr "$CONDUCTOR" run -d --cpus 0.5 host "$NAME" -- sleep 1000
	assert_equal "$stderr" ""
	assert_equal "$(<"$(cgroup_of "$(init_of "$NAME")")/cpu.max")" "500000 1000000"
}

@test "conductor exec: what it runs is limited with the container" {
	run -0 "$CONDUCTOR" run -d --cpus 0.5 host "$NAME" -- sleep 1000
	cgroup=$(cgroup_of "$(init_of "$NAME")")
	"$CONDUCTOR" exec "$NAME" -- sleep 1001 3>&- &
	job=$!
	two_processes() { [ "$(grep -c . "$cgroup/cgroup.procs")" = 2 ]; }
	wait_until 5 two_processes
}

@test "simple_container 2c: writes cpu.max = 500000 1000000 and nothing of cgroup v1" {
	"$SIMPLE_CONTAINER" 2c >"$TMPDIR/output" 2>"$TMPDIR/errors" 3>&- &
	job=$!
	local tree limits
	tree=$(cgroup_v2_trees | tail -n 1)
	limited() { limits=$(cat "$tree"/simple_container-*/cpu.max 2>/dev/null) && [ "$limits" = "500000 1000000" ]; }
	wait_until 5 limited
	wait "$job"
	job=
	assert_equal "$(<"$TMPDIR/errors")" ""
	output=$(<"$TMPDIR/output")
	assert_line "Limit (cgroup v2): cpu.max = 500000 1000000"
	refute_contains "$output" v1
}
