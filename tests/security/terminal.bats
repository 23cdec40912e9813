#!/usr/bin/env bats
# The caller's terminal: what a container types into it, the caller's shell would run.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2030,SC2031 # each test is a subshell

load attack

# The kernel may have no TIOCSTI any more; the filter stands before it.
typed_nothing() {
	refute_contains "$output" typed:
	refute_contains "$output" ": ok"
	assert_contains "$output" "0 TIOCSTI+0: EPERM"
}

type_by_run() {
	run "$ATTACK" pty "${as[@]}" run --rm attack "$c" -- /attack type INJECTED /dev/tty
	typed_nothing
	assert_contains "$output" "0 TIOCSTI+100000000: EPERM"
	assert_contains "$output" "0 TIOCSTI+200000000: EPERM"
	assert_contains "$output" "0 TIOCLINUX+0: EPERM"
	assert_contains "$output" "0 TIOCLINUX+100000000: EPERM"
}

type_by_exec() {
	started "$c"
	run "$ATTACK" pty "${as[@]}" exec "$c" -- /attack type INJECTED /dev/tty
	typed_nothing
	assert_contains "$output" "1 TIOCSTI+100000000: EPERM"
	assert_contains "$output" "1 TIOCLINUX+100000000: EPERM"
}

# So that the tests below look at something: where the kernel has it, it works without a container.
@test "terminal: TIOCSTI types into one's own terminal, outside" {
	[ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ] || skip "dev.tty.legacy_tiocsti is 0"
	run "$ATTACK" pty "$ATTACK" type INJECTED
	assert_line "typed: INJECTED"
	assert_contains "$output" "0 TIOCSTI+100000000: ok"
}

@test "terminal: nothing can be typed into the caller's, also with high bits set (S10, CVE-2017-5226, CVE-2019-10063)" {
	as=("$CONDUCTOR")
	type_by_run
	type_by_exec
}

@test "terminal: nothing can be typed into the caller's (an ordinary user)" {
	ordinary_user
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups "$WORK/conductor")
	cd /
	type_by_run
	type_by_exec
}

# A raw container has no filter: there it is a terminal of its own, into which it may type.
@test "terminal: what a raw container types, it types into its own (S10)" {
	run "$ATTACK" pty "$CONDUCTOR" run --rm --privileged attack "$c" -- /attack type INJECTED /dev/tty
	assert_contains "$output" "0 TIOCSTI+0: "
	refute_contains "$output" typed:
	started "$c" --privileged
	run "$ATTACK" pty "$CONDUCTOR" exec "$c" -- /attack type INJECTED /dev/tty
	assert_contains "$output" "0 TIOCSTI+0: "
	refute_contains "$output" typed:
}
