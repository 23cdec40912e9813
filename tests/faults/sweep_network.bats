#!/usr/bin/env bats
# As sweep.bats, for networks and the orchestrator: another file, so that the two run beside each
# other in labs of their own.

export BATS_TEST_TIMEOUT=3600 # tests/run has a bound for the whole of it
load ../helpers

setup_file() {
	require_lab
}

sweep() { # COMMAND
	requires root
	run "$TOP/tests/faults/sweep" "$1"
	# shellcheck disable=SC2154 # bats's run sets output and status
	echo "$output" | sed '$s/^/# /' >&3
	[ "$status" = 0 ] || fail "$output"
}

@test "sweep: addnetwork -i -e: every call failing once, and killed at every call" {
	sweep addnetwork
}

@test "sweep: peer: every call failing once, and killed at every call" {
	sweep peer
}

@test "sweep: service-orchestrator up: calls failing once, and killed at calls" {
	sweep up
}

@test "sweep: service-orchestrator down: calls failing once, and killed at calls" {
	sweep down
}
