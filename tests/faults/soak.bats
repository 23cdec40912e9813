#!/usr/bin/env bats
# Many times, many at once, with kills: tests/faults/soak. SOAK=N for another number than 1,000.
# shellcheck disable=SC2154 # bats's run sets output and status
# shellcheck disable=SC2086 # $SLEEP is two words

export BATS_TEST_TIMEOUT=3600 # tests/run has a bound for the whole of it
load ../conductor/containers

@test "soak: 1,000 times run, addnetwork, exec, peer, stop, 8 at a time, with kills: no wrong answer, nothing left, a parent that doesn't grow" {
	requires machine_root
	run "$TOP/tests/faults/soak"
	echo "$output" | head -n 2 | sed 's/^/# /' >&3
	[ "$status" = 0 ] || fail "$output"
}

@test "soak: of 30 runs of one name at once one wins, and of the others nothing is left (podman#11735)" {
	local i runs=()
	for i in {1..30}; do
		("$CONDUCTOR" run -d base $c -- $SLEEP >out.$i 2>&1 3>&- || echo "status $?" >>out.$i) &
		runs+=($!)
	done
	wait "${runs[@]}"
	assert_equal "$(cat out.* | sort | uniq -c | sed 's/^ *//' | sort)" "1 $c
29 conductor: run: $c: the name is in use (conductor stop $c frees it)
29 status 125"
	assert_equal "$(ls "$CONDUCTOR_ROOT/containers")" $c
	run -0 "$CONDUCTOR" stop $c
}
