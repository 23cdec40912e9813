#!/usr/bin/env bats
# A kernel below the course's floor, Linux 5.15: what runs there all the same, and that the rest says
# what is needed, in one line, and leaves nothing. On tests/vm's machine 4; the lab, in which suites
# usually run, is one of the programs that don't.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load ../helpers

NEEDS="(needs Linux 5.15 or newer, this is $(uname -r))"
LAB=$TOP/tests/lab/lab

setup() {
	[ "$(printf '%s\n' 5.15 "$(uname -r)" | sort -V | head -n 1)" != 5.15 ] || skip "this kernel is new enough"
	requires machine_root
	export CONDUCTOR_ROOT=$BATS_TEST_TMPDIR/state TMPDIR=$BATS_TEST_TMPDIR
	cd "$TOP" || return
	snapshot_world
}

teardown() {
	[ ! -v WORLD_BEFORE ] || assert_world_unchanged
}

@test "too old: task 1 runs as ever" {
	run -0 --separate-stderr "$NAMESPACE_PROG"
	assert_line "Child2 Process PID: 2"
	assert_equal "$stderr" ""
}

@test "too old: copy_deps copies, and runs what it is asked to" {
	run -0 "$COPY_DEPS" /bin/ls "$TMPDIR/root" -- /bin/ls /
	assert_line usr
	refute_line proc
}

@test "too old: simple_container says what it needs and runs nothing" {
	run -1 --separate-stderr "$SIMPLE_CONTAINER" 2a
	assert_equal "$stderr" "simple_container: 2a: cannot close the descriptors: Invalid argument $NEEDS"
	refute_contains "$output" "Files in the root directory"
}

@test "too old: conductor builds and lists, but says what run and RUN need" {
	run -0 "$CONDUCTOR" build base
	run -125 --separate-stderr "$CONDUCTOR" run base c1 -- true
	assert_equal "$stderr" "conductor: run: c1: cannot mount the host's /dev: Function not implemented $NEEDS"
	printf 'FROM base\nRUN true\n' >"$TMPDIR/Conductorfile"
	run -1 --separate-stderr "$CONDUCTOR" build more "$TMPDIR/Conductorfile"
	assert_matches "$stderr" "^conductor: build: build-[0-9]+: cannot m.* /dev.*: Function not implemented "
	assert_contains "$stderr" "$NEEDS"
	run -0 "$CONDUCTOR" ps
	assert_equal "${#lines[@]}" 1
	assert_contains "$("$CONDUCTOR" images)" base
}

@test "too old: service-orchestrator says what it needs and undoes what it made" {
	run -1 --separate-stderr "$ORCHESTRATOR" up
	assert_matches "$stderr" "^service-orchestrator: up: step 2, run the containers: .*: Invalid argument "
	assert_contains "$stderr" "$NEEDS"
	refute [ -e /run/service-orchestrator ]
}

@test "too old: the lab says what it needs" {
	run -125 --separate-stderr "$LAB" -- true
	assert_matches "$stderr" "lab: cannot make the machine's files read-only: Function not implemented "
	assert_contains "$stderr" "$NEEDS"
}

@test "too old: preflight says so, and fails" {
	run -1 "$TOP/tests/preflight"
	assert_matches "${lines[-1]}" "; lacks a kernel that is new enough"
}

@test "too old: the witness sees task 1" {
	run -0 "$WITNESS" -- "$NAMESPACE_PROG"
	assert_contains "$output" "born of #1 by clone(CLONE_NEWUTS|CLONE_NEWPID)"
}
