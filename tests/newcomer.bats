#!/usr/bin/env bats
# What tests/vm's fresh machine stands on, without a machine: README's commands, and typing them.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load helpers

setup() {
	fresh=$TOP/tests/vm/fresh
	export HOME=$BATS_TEST_TMPDIR NEWCOMER_TIMEOUT=20
}

# What of the newcomer's output is its results, without how long each took.
typed() { # COMMAND...
	requires script
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/commands"
	run --separate-stderr "$fresh/newcomer" "$BATS_TEST_TMPDIR/commands" 3>&-
	assert_equal "$stderr" ""
	results=$(grep -E '^(ok|not ok|[0-9]+ passed)' <<<"$output" | sed -E 's/ \([0-9]+ s\)$//')
}

@test "tests/vm/fresh/readme: a section's commands stand in README.md just so" {
	run -0 "$fresh/readme" "Two commands"
	assert_contains "$output" "sudo make demo"
	assert_contains "$output" "sudo make test"
	while IFS= read -r line; do
		grep -qxF -- "$line" "$TOP/README.md"
	done <<<"$output"
	run -0 "$fresh/readme" "The tasks, in order"
	assert_contains "$output" "leave it with exit"
	assert_contains "$output" "sudo service-orchestrator up"
}

@test "tests/vm/fresh/readme: only that section's, only blocks of sh, a blank line is no command" {
	printf '%s\n' '# A' '```sh' 'one  # told' '' 'two' '```' '```' 'no' '```' '## B' '```sh' '# A' 'three' '```' \
		>"$BATS_TEST_TMPDIR/page"
	run -0 "$fresh/readme" A "$BATS_TEST_TMPDIR/page"
	assert_equal "$output" $'one  # told\ntwo'
	run -0 "$fresh/readme" B "$BATS_TEST_TMPDIR/page"
	assert_equal "$output" $'# A\nthree'
	run -1 "$fresh/readme" C "$BATS_TEST_TMPDIR/page"
}

@test "tests/vm/fresh/readme --packages: what its commands install, and how" {
	run -0 "$fresh/readme" --packages
	assert_line gcc
	assert_line make
	assert_line bats
	refute_line -y
}

@test "tests/vm/fresh/newcomer: a command fails by its status, and the next one is typed all the same" {
	typed 'cd /' 'pwd   # where' 'test -e /nowhere' 'shopt -q login_shell'
	assert_equal "$status" 1
	assert_line "    /"
	assert_equal "$results" "ok a login shell on a terminal
ok cd /
ok pwd   # where
not ok test -e /nowhere: exit status 1
ok shopt -q login_shell
4 passed, 1 failed, 0 skipped"
}

@test "tests/vm/fresh/newcomer: types exit where README says so, and what it leaves is a terminal" {
	typed 'PS1="there\$ " bash --norc   # a shell; leave it with exit' 'test -t 0 && test -t 1 && tty'
	assert_equal "$status" 0
	assert_equal "$results" "ok a login shell on a terminal
ok PS1=\"there\\\$ \" bash --norc   # a shell; leave it with exit
ok test -t 0 && test -t 1 && tty
3 passed, 0 failed, 0 skipped"
}

@test "tests/vm/fresh/newcomer: a demo must count up, and tests' counts are added" {
	local proof='=> Each answer counts one further, whoever asks:'
	typed "echo '$proof 3, 4, 5.' # make demo" "echo '$proof 3, 4, 4.' # make demo" "echo no # make demo" \
		'echo 5 passed, 0 failed, 2 skipped # make test' 'echo none # make test' \
		'echo 0 passed, 0 failed, 2 skipped # make test'
	assert_equal "$status" 1
	assert_equal "$results" "ok a login shell on a terminal
ok echo '$proof 3, 4, 5.' # make demo
not ok echo '$proof 3, 4, 4.' # make demo: no HTTP answers that count up
not ok echo no # make demo: no HTTP answers that count up
ok echo 5 passed, 0 failed, 2 skipped # make test
not ok echo none # make test: it does not end with its counts
not ok echo 0 passed, 0 failed, 2 skipped # make test: no test has passed
8 passed, 4 failed, 4 skipped"
}

@test "tests/vm/fresh/newcomer: a command that never ends is told, and nothing more is typed" {
	NEWCOMER_TIMEOUT=2 typed 'sleep 1000' 'true'
	assert_equal "$status" 1
	assert_equal "$results" "ok a login shell on a terminal
not ok sleep 1000: no prompt again after 2 seconds
1 passed, 1 failed, 0 skipped"
}
