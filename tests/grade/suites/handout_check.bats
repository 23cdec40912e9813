#!/usr/bin/env bats
# What a student's own `make check` says of a handout: nothing while nothing is written, and every
# point with the solutions put back. Needs the sandbox's root: tests/grade/sandbox/root.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load ../../helpers

export BATS_TEST_TIMEOUT=900
MAKE_HANDOUT=$TOP/tests/handout/make

setup_file() {
	require_lab
}

setup() {
	requires machine_root git make gcc python3 jq
	"$TOP/tests/grade/sandbox/root" --find >/dev/null || skip "the sandbox's root isn't built (tests/grade/sandbox/root)"
	cd "$BATS_TEST_TMPDIR" || return
	snapshot_world
}

teardown() {
	[ -n "${WORLD_BEFORE:-}" ] || return 0 # skipped
	assert_world_unchanged
}

# unpack ROUTE: makes the handout and goes there. It takes the root that is built already.
# ROUTE=c or ROUTE=shell in the environment: this one only.
unpack() {
	[ "${ROUTE:-$1}" = "$1" ] || skip "the other route's turn (ROUTE=$ROUTE)"
	"$MAKE_HANDOUT" "$1" -o "$1.tar.gz"
	tar -xzf "$1.tar.gz"
	cd container-course || return
	mkdir -p build/grade
	ln -s "$(dirname "$("$TOP/tests/grade/sandbox/root" --find)")" build/grade/
}

make_check() { # [TASK=N]
	env -u MAKEFLAGS -u MAKELEVEL make check "$@" >report 2>&1
}

# Runs it, and keeps what it printed. 2: something could not be judged. That is 2c, where this machine
# doesn't limit the CPU, and nothing else.
check() {
	make_check || [ $? = 2 ]
	result=build/check/container-course/result.json
	if grep -qsw cpu /sys/fs/cgroup/cgroup.controllers; then
		assert_equal "$(verdicts error)" ""
	else
		refute grep -vE '^2c\.' <(verdicts error)
	fi
}

verdicts() { # VERDICT: the ids that have it
	jq -r --arg verdict "$1" '.checks[] | select(.verdict == $verdict) | .id' $result
}

# Nothing is earned. What is given passes, and is worth nothing.
assert_worthless() {
	assert_equal "$(jq -r '.score.points' $result)" 0
	assert_equal "$(jq -r '[.checks[] | select(.verdict == "pass" and .max > 0)] | length' $result)" 0
	[ "$(verdicts blocked | wc -l)" -ge 40 ]
	grep -q ' 0 of [0-9]* points' report
	grep -q 'not written yet' report
}

assert_perfect() {
	assert_equal "$(verdicts fail) $(verdicts blocked) $(verdicts missing)" "  "
	assert_equal "$(jq -r '.score.points' $result)" "$(sed -n 's/^@total\t//p' tests/grade/rubric.tsv)"
	[ "$(verdicts pass | wc -l)" -ge 55 ]
}

@test "handout: the C route is worth nothing as it is handed out, and says what is not written yet" {
	unpack c
	check
	assert_worthless
}

@test "handout: the C route has every point with the solutions put back" {
	unpack c
	"$MAKE_HANDOUT" fill c .
	check
	assert_perfect
}

@test "handout: the shell route is worth nothing as it is handed out, and says what is not written yet" {
	unpack shell
	check
	assert_worthless
}

@test "handout: the shell route has every point with the solutions put back" {
	unpack shell
	"$MAKE_HANDOUT" fill shell .
	check
	assert_perfect
}

@test "handout: make check TASK=1 judges that task only" {
	unpack c
	make_check TASK=1
	grep -q 'FAILED   child 1 is PID 1 of a new PID namespace' report
	"$MAKE_HANDOUT" fill c .
	make_check TASK=1
	grep -q ' 15 of 15 points' report
	run -1 grep -n 'Task [234]' report
}
