#!/usr/bin/env bats
# The transcripts of README.md and task3/README.md are what happens. (The other lessons' are compared
# by their tasks' suites.)
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets output; each test is a subshell

load helpers

setup_file() {
	require_lab
	CONDUCTOR_ROOT=/run/$(random_name state)
	export CONDUCTOR_ROOT
}

setup() {
	snapshot_world
	cd "$TOP" || return
}

teardown() {
	local directory
	for directory in "$CONDUCTOR_ROOT"/containers/*/; do
		[ ! -d "$directory" ] || "$CONDUCTOR" stop -t 0 "$(basename "$directory")"
	done
	assert_world_unchanged
}

# The commands of a lesson's console blocks, in order, but for the one that enters the lab.
commands() { # README
	awk '/^```console/ { shown = 1; next } /^```/ { shown = 0 } shown && /^\$ / { print substr($0, 3) }' "$1" |
		grep -vxF 'tests/lab/lab bash'
}

# What differs from machine to machine: sizes, and process numbers above 2.
neutral() {
	sed -E -e 's/[0-9]+\.[0-9] MB/N MB/' -e 's/^( *)([3-9]|[0-9]{2,})( |$)/\1N\3/'
}

@test "task3/README.md: each command of the lesson prints what the lesson shows" {
	requires overlay
	command -v ps >/dev/null || skip "ps is not installed"
	local command
	while IFS= read -r command <&4; do
		shown=$(awk -v command="$ $command" '
			/^```/ { on = 0 } on && /^\$ / { on = 0 } on { print } $0 == command && !done[command]++ { on = 1 }
			' "$(remaining)" | neutral)
		advance
		run bash -c "$command" 4<&-
		assert_equal "$(neutral <<<"$output")" "$shown" || fail "by: $command"
	done 4< <(commands task3/README.md)
}

# A command may stand in a lesson twice, with another result: so what was compared is cut off.
remaining() {
	[ -e "$BATS_TEST_TMPDIR/rest" ] || cp task3/README.md "$BATS_TEST_TMPDIR/rest"
	echo "$BATS_TEST_TMPDIR/rest"
}

advance() {
	awk -v command="$ $command" 'found { print } $0 == command { found = 1 }' \
		"$BATS_TEST_TMPDIR/rest" >"$BATS_TEST_TMPDIR/shorter"
	mv "$BATS_TEST_TMPDIR/shorter" "$BATS_TEST_TMPDIR/rest"
}

@test "README.md: every path and every make target that it names is there" {
	local path target
	while read -r path; do
		[ -e "$path" ] || fail "README.md names $path"
	done < <(grep -oE '(task[1-4]|tests|common|report)/[A-Za-z0-9_./-]*[A-Za-z0-9_/-]' README.md | sort -u)
	while read -r target; do
		make -n "$target" >/dev/null 2>&1 || fail "README.md names make $target"
	done < <(grep -oE 'make (demo|test-vm|test|bench|report|lint|install|help)' README.md | cut -d ' ' -f 2 | sort -u)
}
