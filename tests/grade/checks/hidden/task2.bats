#!/usr/bin/env bats
# Task 2, what is shown and not graded.
# shellcheck disable=SC2154 # E is check.bash's

load ../check

setup() {
	from task2 output
}

@test "2.status" {
	expect "exit status 0"
	has status
	saw "exit status $(content status)"
	[ "$(content status)" = 0 ]
}
