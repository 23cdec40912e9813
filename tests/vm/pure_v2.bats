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

@test "conductor run --pids-limit: no more processes than allowed" {
	local forks='for i in 1 2 3 4 5 6; do sleep 1000 & done; echo all'
	run -0 --separate-stderr "$CONDUCTOR" run --rm --pids-limit 20 host "$NAME" -- bash -c "$forks"
	assert_equal "$output" all
	run "$CONDUCTOR" run --rm --pids-limit 4 host "$NAME" -- bash -c "$forks"
	refute test "$status" = 0
	assert_contains "$output" "Resource temporarily unavailable"
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
