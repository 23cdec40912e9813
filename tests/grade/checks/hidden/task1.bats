#!/usr/bin/env bats
# Task 1, what is shown and not graded.
# shellcheck disable=SC2154 # E is check.bash's

load ../check

setup() {
	from task1 output witness.txt witness.svg
}

@test "1.clean" {
	expect "exit status 0, and every process ended"
	has status witness.json
	saw "exit status $(content status), $(witnessed '[.processes[] | select(.exit == null)] | length') processes left running"
	[ "$(content status)" = 0 ]
	[ "$(witnessed 'all(.processes[]; .exit != null)')" = true ]
}
