#!/usr/bin/env bats
# Task 4, what a handout does not have.
# shellcheck disable=SC2154 # E is check.bash's

load ../check

setup() {
	from "$MATRIX" orchestrator.out
}

@test "4.status" {
	expect "exit status 0 before the deadline"
	has orchestrator.status
	saw "exit status $(content orchestrator.status)"
	[ "$(content orchestrator.status)" = 0 ]
}

# Always with the reference conductor, where the first network is somebody else's.
@test "4.address" {
	from matrix_reference orchestrator.out
	expect "the page answers where the counter has another address than usual"
	counted outside
}
