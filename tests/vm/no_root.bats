#!/usr/bin/env bats
# An ordinary user of a machine, outside of the lab: everybody here is one. Machine 3 of tests/vm runs
# this without newuidmap and with it; the tests take the machine as they find it.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes

load ../helpers
load ../rootless

setup_file() {
	CONDUCTOR_ROOT=$HOME/$(random_name state)
	export CONDUCTOR_ROOT
	build_small_base
}

teardown_file() {
	local directory
	for directory in "$CONDUCTOR_ROOT"/containers/*/; do
		[ ! -d "$directory" ] || "$CONDUCTOR" stop -t 0 "$(basename "$directory")"
	done
	"$CONDUCTOR" rmi base
	"$CONDUCTOR" rmcache
	rm -r "$CONDUCTOR_ROOT"
}

setup() {
	[ "$(id -u)" != 0 ] || skip "needs a user who is not root"
	ID=$(id -u)
	RANGE=
	if command -v newuidmap >/dev/null && [ -r /etc/subuid ]; then
		RANGE=$(sed -n "s/^$(id -un):\([0-9]*\):65536\$/\1/p" /etc/subuid)
	fi
	c=$(random_name c)
}

as_user() { # COMMAND...
	(cd / && exec "$@")
}

requires_range() {
	[ -n "$RANGE" ] || skip "no newuidmap with a range of ids here"
}

requires_no_range() {
	[ -z "$RANGE" ] || skip "newuidmap gives a range of ids here"
}

@test "no root: build, run, exec, ps, inspect, logs and stop" {
	lives_through "$c"
	run -0 conductor build host
	run -0 --separate-stderr conductor run --rm host "$c" -- ps -e -o pid,args
	assert_equal "$(tr -s ' ' <<<"$output")" $' PID COMMAND\n 1 ps -e -o pid,args'
	conductor rmi host
	conductor rmcache
}

@test "no root: one id, and groups can't be shed" {
	requires_no_range
	has_one_id
	tools_are_roots
	unpacks_an_archive "$ID"
}

@test "no root: users, owners and groups by newuidmap" {
	requires_range
	has_a_range_of_ids
	tools_are_roots
	unpacks_an_archive $((RANGE + 6))
}

@test "no root: files of a container's other users are removed by stop, --rm and rmcache" {
	requires_range
	removes_what_others_wrote "$c"
}

@test "no root: a PID 1 that has become another user ends with stop, and with the next command" {
	requires_range
	ends_other_users "$c"
}

@test "no root: what one mapping left the other cleans, or says what it lacks" {
	requires_range
	each_cleans_up_after_the_other "$c"
}

@test "no root: without a delegated cgroup a limit is refused with a reason, by tasks 2 and 3" {
	run -125 --separate-stderr "$CONDUCTOR" run --cpus 0.5 base "$c" -- true
	assert_equal "$stderr" "conductor: run: $c: cannot limit cpu: cannot make a cgroup in /sys/fs/cgroup: Permission denied (needs root, or a cgroup delegated to this user)"
	run -1 --separate-stderr "$LAB" "$SIMPLE_CONTAINER" 2c
	assert_matches "$stderr" '^simple_container: 2c: cannot make a cgroup in /sys/fs/cgroup: .*\(needs root, or a cgroup delegated to this user\)$'
	assert_nothing_of "$c"
}

@test "no root: networks, peers and task 4, in the lab" {
	run -0 "$LAB" bash -e -c '
		"$CONDUCTOR" build base
		for name in c1 c2; do
			"$CONDUCTOR" run -d base $name -- sleep 3600
			"$CONDUCTOR" addnetwork $name -i
		done
		"$CONDUCTOR" exec c1 -- timeout 10 bash -c "</dev/tcp/203.0.113.1/80"
		"$CONDUCTOR" peer c1 c2
		"$CONDUCTOR" exec c1 -- timeout 10 bash -c "</dev/tcp/192.168.2.2/80" 2>&1 | grep -q refused
		"$CONDUCTOR" stop -t 0 c1
		"$CONDUCTOR" stop -t 0 c2
		"$ORCHESTRATOR" up
		fetch http://localhost:3000/
		"$LAB" internet -- bash -c "fetch http://203.0.113.2:3000/"
		"$ORCHESTRATOR" down
		[ -z "$("$CONDUCTOR" ps --json | tr -d "[] \n")" ] && echo nothing is left'
	assert_equal "${lines[-1]}" "nothing is left"
}
