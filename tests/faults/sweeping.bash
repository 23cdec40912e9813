# shellcheck shell=bash
# shellcheck disable=SC2154 # bats's run sets output and status
# What the two suites of sweeps share: sweep COMMAND runs tests/faults/sweep and prints what it swept.

export BATS_TEST_TIMEOUT=3600 # tests/run has a bound for the whole of it
load ../helpers

setup_file() {
	require_lab
}

sweep() { # COMMAND
	requires root
	run "$TOP/tests/faults/sweep" "$1"
	echo "$output" | sed '$s/^/# /' >&3
	[ "$status" = 0 ] || fail "$output"
}
